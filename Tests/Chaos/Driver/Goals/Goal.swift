/// A figure to hold under faults, and how it is shown.
protocol Goal: Sendable {
    /// Its short name, as on the command line.
    static var name: String { get }
    /// What it shows, in one line.
    static var summary: String { get }

    init()

    /// Does it once.
    func run(_ run: Run) async throws -> Verdict
}

/// How much is done.
enum Size: String, Sendable, CaseIterable {
    /// At most a minute on two cores.
    case short
    /// Some minutes.
    case long
}

/// All goals, in order.
enum Goals {
    static let all: [any Goal.Type] = [
        BrokerKills.self, Cuts.self, ConsumerKills.self, RollingRestart.self, Malformed.self, NoZombies.self,
        PublishTruth.self, Alarm.self, Calls.self, Retries.self, DeadLetterFaults.self, Order.self,
        ReconnectStorm.self, Detection.self, Soak.self, RetryQueues.self, DiskFull.self, RetryKills.self,
        BrokerStops.self,
        OperatorCloses.self, LongAlarm.self, LostRights.self, Backlog.self, ManyRestarts.self, ClockSteps.self,
        BrokerEmptied.self, ServiceStops.self,
    ]

    static func named(_ name: String) -> (any Goal.Type)? { self.all.first { $0.name == name } }
}
