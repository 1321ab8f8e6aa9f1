/// What the narrators of several instances tell, printed line by line.
struct Story: Sendable {
    private struct Told: Sendable {
        var instance: String
        var line: Narrator.Line
    }

    private let lines: AsyncStream<Told>
    private let input: AsyncStream<Told>.Continuation

    init() { (lines, input) = AsyncStream.makeStream() }

    /// A narrator of the instance of that name.
    func narrator(_ instance: String) -> Narrator {
        Narrator { line, _ in input.yield(Told(instance: instance, line: line)) }
    }

    /// Prints the heading of a chapter.
    func begin(_ heading: String) { print("\n\(heading)\n") }

    /// Prints what was told, and waits for more until each of `calls` was among it.
    func goOn(until calls: [String]) async {
        var missing = calls
        for await told in lines {
            let call = String(repeating: "  ", count: max(told.line.depth - 1, 0)) + told.line.call
            print("  \(told.instance)  \(call.padded(to: 24))  \(told.line.cause)")
            if let index = missing.firstIndex(of: told.line.call) { missing.remove(at: index) }
            if missing.isEmpty { return }
        }
    }

    /// Prints how a chapter ends.
    func end(_ outcome: String) { print("\n  => \(outcome)") }
}

extension String {
    fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(width - count, 0)) }
}
