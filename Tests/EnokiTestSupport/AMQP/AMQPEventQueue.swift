import EnokiBroker

/// The events of a channel, in the order in which the broker sent them, until a test takes them.
public final class AMQPEventQueue: Sendable {
    private let events = Locked<[AMQPEvent]>([])
    private let arrival = Signal()

    /// An empty queue.
    public init() {}

    /// Adds an event; from any thread.
    public func append(_ event: AMQPEvent) {
        self.events.withLock { $0.append(event) }
        self.arrival.signal()
    }

    /// The events that nobody has taken.
    public var pending: [AMQPEvent] { self.events.withLock { $0 } }

    /// Takes the first event for which `select` returns a value, if there is one, and returns that value.
    public func take<Value>(_ select: (AMQPEvent) -> Value?) -> Value? {
        self.events.withLock { events in
            for index in events.indices {
                if let value = select(events[index]) {
                    events.remove(at: index)
                    return value
                }
            }
            return nil
        }
    }

    /// Waits for such an event and takes it.
    ///
    /// - Throws: ``ConditionNotMet`` with the events that came instead.
    public func next<Value: Sendable>(
        _ description: String,
        within limit: Duration = .seconds(30),
        _ select: (AMQPEvent) -> Value?
    ) async throws -> Value {
        let deadline = ContinuousClock.now.advanced(by: limit)
        while true {
            try Task.checkCancellation()
            if let value = self.take(select) { return value }
            guard ContinuousClock.now < deadline else { break }
            await self.arrival.wait(until: deadline)
        }
        throw ConditionNotMet(description: "Not within \(limit): \(description). Pending: \(self.pending)")
    }
}

extension Signal {
    /// Returns at the next signal, at `deadline`, or when the task is cancelled.
    func wait(until deadline: ContinuousClock.Instant) async {
        await withTaskGroup { group in
            group.addTask { await self.wait() }
            group.addTask { try? await ContinuousClock().sleep(until: deadline) }
            await group.next()
            group.cancelAll()
        }
    }
}
