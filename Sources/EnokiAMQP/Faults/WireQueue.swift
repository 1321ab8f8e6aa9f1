import DequeModule
import NIOCore

/// What is to happen in one direction of a wire, one after the other, with its waits and its limit; performs no I/O.
struct WireQueue {
    /// How often in a second something passes where there is a limit.
    private static let chunksPerSecond = 20

    private var actions: Deque<FaultyWire.Action> = []
    private var bytesPerSecond: Int?
    private var isWaiting = false

    /// How many bytes wait to pass.
    private(set) var waitingBytes = 0

    /// Whether nothing is left to be done.
    var isEmpty: Bool { self.actions.isEmpty && !self.isWaiting }

    /// Adds what is to happen.
    mutating func append(_ actions: [FaultyWire.Action]) {
        self.actions += actions
        for case .pass(let bytes) in actions { self.waitingBytes += bytes.readableBytes }
    }

    /// From now on no more than so many bytes pass in a second.
    mutating func limit(to bytesPerSecond: Int) { self.bytesPerSecond = bytesPerSecond }

    /// What happens now; `nil` when that is nothing. After a wait nothing does until ``resume()``.
    mutating func next() -> FaultyWire.Action? {
        guard !self.isWaiting, let action = self.actions.popFirst() else { return nil }
        switch action {
        case .wait: self.isWaiting = true
        case .pass(var bytes):
            let all = bytes.readableBytes
            let count = self.bytesPerSecond.map { min(all, max(1, $0 / Self.chunksPerSecond)) } ?? all
            self.waitingBytes -= count
            guard let rate = self.bytesPerSecond, let chunk = bytes.readSlice(length: count) else { break }
            if bytes.readableBytes > 0 { self.actions.prepend(.pass(bytes)) }
            self.actions.prepend(.wait(.seconds(count) / rate))
            return .pass(chunk)
        case .say, .sayLater, .throttle, .end: break
        }
        return action
    }

    /// A wait is over.
    mutating func resume() { self.isWaiting = false }
}
