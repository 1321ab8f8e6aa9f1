import UnixSignals

/// Decides what signals and deadlines do to a process that hosts services; performs none of it.
///
/// The first signal stops it gracefully, the second kills its calls, the third ends it where it stands. A process that
/// does not get done in time, such as one with a handler that ignores its cancellation, is ended too, also when it stops
/// because a service has failed.
///
/// Another signal at once is no second one: coreutils' `timeout` sends its signal to the process and then to the whole group, the
/// process included, and a terminal's Ctrl-C reaches a process whose parent then sends SIGTERM.
struct ShutdownPlan: Sendable {
    /// What happened.
    enum Event: Sendable, Hashable {
        /// A signal, at a time by any clock that does not jump.
        case signal(UnixSignal, at: Duration)
        /// The services stop without a signal, because one has failed.
        case stopsByItself
        /// The deadline that was set last has passed.
        case deadlinePassed
    }

    /// What is to be done.
    enum Action: Sendable, Hashable {
        case none
        /// Ask the services to stop; set a deadline.
        case stop(within: Duration)
        /// Cancel them; set a deadline.
        case kill(within: Duration)
        /// End the process now.
        case exit(ExitStatus)
    }

    private enum Phase { case running, failing, stopping, killing }

    private var phase = Phase.running
    private var lastSignal: Duration?
    private let grace: Duration

    /// What a container needs, after its calls were cancelled, to give back what is left and to close its connections.
    static let closingTime = Duration.seconds(5)
    /// What killed calls get to notice it.
    static let killingTime = Duration.milliseconds(500)

    /// How soon after a signal another one counts as an echo of it.
    static let echoTime = Duration.milliseconds(200)

    /// A plan for containers that cancel their calls `grace` after they were asked to stop.
    init(grace: Duration) { self.grace = grace }

    /// Takes note of `event`.
    mutating func handle(_ event: Event) -> Action {
        if case .signal(_, let time) = event {
            if let last = self.lastSignal, time - last < Self.echoTime { return .none }
            self.lastSignal = time
        }
        switch (self.phase, event) {
        case (.running, .signal):
            self.phase = .stopping
            return .stop(within: self.grace + Self.closingTime)
        case (.running, .stopsByItself):
            self.phase = .failing
            return .stop(within: self.grace + Self.closingTime)
        case (.failing, .signal):
            // The first signal asks for no more than what is under way.
            self.phase = .stopping
            return .none
        case (.stopping, .signal):
            self.phase = .killing
            return .kill(within: Self.killingTime)
        case (.failing, .deadlinePassed), (.stopping, .deadlinePassed):
            return .exit(.failure)
        case (.killing, .signal), (.killing, .deadlinePassed):
            return .exit(.killed)
        case (.running, .deadlinePassed), (_, .stopsByItself):
            return .none
        }
    }
}
