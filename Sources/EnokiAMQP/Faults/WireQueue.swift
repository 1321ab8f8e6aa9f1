import NIOCore

/// What is to happen in one direction of a wire, one after the other, with its waits and its limit; performs no I/O.
struct WireQueue {
    /// How often in a second something passes where there is a limit.
    private static let chunksPerSecond = 20

    private var actions: [FaultyWire.Action] = []
    private var bytesPerSecond: Int?
    private var isWaiting = false

    /// Whether nothing is left to be done.
    var isEmpty: Bool { self.actions.isEmpty && !self.isWaiting }

    /// Adds what is to happen.
    mutating func append(_ actions: [FaultyWire.Action]) { self.actions += actions }

    /// From now on no more than so many bytes pass in a second.
    mutating func limit(to bytesPerSecond: Int) { self.bytesPerSecond = bytesPerSecond }

    /// What happens now; `nil` when that is nothing. After a wait nothing does until ``resume()``.
    mutating func next() -> FaultyWire.Action? {
        guard !self.isWaiting, !self.actions.isEmpty else { return nil }
        let action = self.actions.removeFirst()
        switch action {
        case .wait: self.isWaiting = true
        case .pass(var bytes):
            guard let rate = self.bytesPerSecond else { break }
            let count = min(bytes.readableBytes, max(1, rate / Self.chunksPerSecond))
            guard let chunk = bytes.readSlice(length: count) else { break }
            if bytes.readableBytes > 0 { self.actions.insert(.pass(bytes), at: 0) }
            self.actions.insert(.wait(.seconds(count) / rate), at: 0)
            return .pass(chunk)
        case .say, .sayLater, .throttle, .end: break
        }
        return action
    }

    /// A wait is over.
    mutating func resume() { self.isWaiting = false }
}
