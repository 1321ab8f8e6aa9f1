import EnokiBroker

/// The faults of a port, which its connections share.
final class WireFaults: Sendable {
    private struct State {
        var schedule: WireFaultSchedule
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

    /// A connection has come; returns its number.
    func connect() -> Int { self.state.withLock { $0.schedule.connect() } }

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
