import Synchronization

/// Counts what handlers have done: the span begins after the first `warm` messages and ends with the last.
final class Progress: Sendable {
    private let count = Atomic(0)
    private let warm: Int
    private let total: Int
    private let steps: AsyncStream<Span?>
    private let continuation: AsyncStream<Span?>.Continuation

    init(warm: Int, measured: Int) {
        self.warm = warm
        self.total = warm + measured
        (self.steps, self.continuation) = AsyncStream.makeStream()
    }

    /// One message is done.
    func step() {
        let count = self.count.wrappingAdd(1, ordering: .relaxed).newValue
        if count == self.warm { self.continuation.yield(Span()) }
        if count == self.total { self.continuation.finish() }
    }

    /// Waits for the last message; returns the span.
    func finish() async throws -> Span {
        var span: Span?
        for await step in self.steps { span = step }
        guard let span else { throw WrongAnswer() }
        return span
    }
}
