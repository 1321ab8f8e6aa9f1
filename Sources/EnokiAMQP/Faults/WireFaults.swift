import EnokiBroker

/// The faults of a port, which its connections share.
final class WireFaults: Sendable {
    private struct State {
        var schedule: WireFaultSchedule
        var numbers: [ObjectIdentifier: Int] = [:]
        var isOver = false
    }

    /// Whether nothing can go wrong.
    let isEmpty: Bool
    private let state: Locked<State>

    init(_ plan: WireFaultPlan) {
        self.isEmpty = plan.isEmpty
        self.state = Locked(State(schedule: WireFaultSchedule(plan)))
    }

    /// What has gone wrong so far.
    var occurred: [WireFault] { self.state.withLock { $0.schedule.occurred } }

    /// Whether the port closes, which no fault hinders.
    var isOver: Bool { self.state.withLock { $0.isOver } }

    /// The port closes.
    func end() { self.state.withLock { $0.isOver = true } }

    /// A connection has come, and is to be had under `id`.
    func accept(_ id: ObjectIdentifier) { self.state.withLock { $0.numbers[id] = $0.schedule.connect() } }

    /// Takes the number of the connection that came under `id`; of one that did not, it is the next.
    func number(of id: ObjectIdentifier) -> Int {
        self.state.withLock { $0.numbers.removeValue(forKey: id) ?? $0.schedule.connect() }
    }

    /// A connection is over.
    func disconnect(_ connection: Int) { self.state.withLock { $0.schedule.disconnect(connection) } }

    /// A step is about to be done on a connection; returns what goes wrong with it.
    func step(
        _ event: WireFault.Step.Event,
        on connection: Int,
        name: ByteName? = nil,
        size: Int = 0
    ) -> [WireFault] {
        self.state.withLock { $0.schedule.step(event, on: connection, name: name, size: size) }
    }
}

extension WireFaults: Hashable {
    static func == (left: WireFaults, right: WireFaults) -> Bool { left === right }

    func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
