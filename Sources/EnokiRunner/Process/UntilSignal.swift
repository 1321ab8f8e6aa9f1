import UnixSignals

/// Runs `body`, which is cancelled at SIGTERM or Ctrl-C, and returns what it returns.
func untilSignal<Result: Sendable>(_ body: @escaping @Sendable () async throws -> Result) async throws -> Result {
    let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
    return try await withThrowingTaskGroup(of: Result?.self) { group in
        group.addTask { try await body() }
        group.addTask {
            for await _ in signals { break }
            return nil
        }
        var result: Result?
        while let next = try await group.next() {
            group.cancelAll()
            result = result ?? next
        }
        guard let result else { throw CancellationError() }
        return result
    }
}
