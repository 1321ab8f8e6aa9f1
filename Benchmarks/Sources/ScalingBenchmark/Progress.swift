import EnokiBroker
import Synchronization

/// Counts deliveries until they are all.
final class Progress: Sendable {
    private let count = Atomic(0)
    private let isDone: @Sendable (Int) -> Bool
    private let ended: AsyncStream<Void>
    private let end: AsyncStream<Void>.Continuation

    init(_ isDone: @escaping @Sendable (Int) -> Bool) {
        self.isDone = isDone
        (self.ended, self.end) = AsyncStream.makeStream()
    }

    func step() {
        if self.isDone(self.count.wrappingAdd(1, ordering: .relaxed).newValue) { self.end.finish() }
    }

    func finish() async {
        for await _ in self.ended {}
    }

    /// So many and no more.
    final class Limit: Sendable {
        private let left: Atomic<Int>
        private let kept = Mutex<[Delivery]>([])

        init(_ count: Int) { self.left = Atomic(count) }

        func take() -> Bool { self.left.wrappingSubtract(1, ordering: .relaxed).oldValue > 0 }

        func keep(_ delivery: Delivery) { self.kept.withLock { $0.append(delivery) } }
    }
}
