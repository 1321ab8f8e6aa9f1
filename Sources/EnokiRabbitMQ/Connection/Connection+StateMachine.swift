import EnokiBroker

/// Decides when and where a connection is made; performs no I/O and knows no clock.
struct ConnectionStateMachine {
    private enum State {
        case idle
        case connecting(attempt: Int)
        case connected(at: ContinuousClock.Instant, attempt: Int)
        case waiting(attempt: Int)
        case closed
    }

    enum Action: Equatable {
        /// Connect and log in there. Attempts count from 1 since the last connection that held.
        case connect(RabbitMQConfiguration.Endpoint, attempt: Int)
        /// Wait, then call ``waited()``.
        case wait(Duration, beforeAttempt: Int)
        /// Give up for good.
        case fail(BrokerError)
        /// Nothing more to do.
        case stop
    }

    /// A connection that is lost before this time does not end the series of attempts: a broker that lets us in and
    /// throws us out at once is not to be asked ten times a second.
    static let timeToHold = Duration.seconds(5)

    /// A host that refuses a connection within this time has a port that is closed: to ask is cheap.
    static let timeToRefuse = Duration.milliseconds(500)

    private var state = State.idle
    private var wasConnected = false
    private var nextEndpoint = 0
    private let endpoints: [RabbitMQConfiguration.Endpoint]
    private let backoff: ReconnectBackoff
    private let failFast: Bool
    private let chance: () -> Double

    /// - Parameter chance: A number from 0 to 1, another one each time; by it waits are spread.
    init(_ configuration: RabbitMQConfiguration, chance: @escaping () -> Double = { .random(in: 0...1) }) {
        self.endpoints = configuration.endpoints.isEmpty ? [.init(host: "localhost")] : configuration.endpoints
        self.backoff = configuration.reconnect
        self.failFast = configuration.failFast
        self.chance = chance
    }

    /// Whether an attempt is one of the first round, behind which others follow: an address that swallows everything must not take
    /// their time. Who is to fail fast has one round, until it was connected once.
    func isHurried(attempt: Int) -> Bool {
        (!self.failFast || self.wasConnected) && attempt <= self.endpoints.count
    }

    /// Begins.
    mutating func start() -> Action { self.connect(attempt: 1) }

    /// The wait is over.
    mutating func waited() -> Action {
        guard case .waiting(let attempt) = self.state else { return .stop }
        return self.connect(attempt: attempt)
    }

    /// The connection stands.
    mutating func connected(at now: ContinuousClock.Instant) {
        guard case .connecting(let attempt) = self.state else { return }
        self.state = .connected(at: now, attempt: attempt)
        self.wasConnected = true
    }

    /// Connecting or logging in failed, so long after it had begun.
    mutating func failed(_ error: BrokerError, after elapsed: Duration) -> Action {
        guard case .connecting(let attempt) = self.state else { return .stop }
        if self.failFast, !self.wasConnected, attempt >= self.endpoints.count {
            self.state = .closed
            return .fail(error)
        }
        self.nextEndpoint = (self.nextEndpoint + 1) % self.endpoints.count
        self.state = .waiting(attempt: attempt + 1)
        // A person has to act first; asking often would only fill the broker's log.
        if error.isConfigurationError {
            let delay = self.backoff.delayForPeople(chance: self.chance())
            return .wait(delay, beforeAttempt: attempt + 1)
        }
        // Another node may be up: all are asked before anything is waited for.
        let round = attempt / self.endpoints.count
        if attempt % self.endpoints.count != 0 { return .wait(.zero, beforeAttempt: attempt + 1) }
        let isRefused = error.code == .connectionFailed && elapsed < Self.timeToRefuse
        let maximum = isRefused ? self.backoff.maximumWhileRefused : self.backoff.maximum
        return self.wait(round: round, atMost: maximum, nextAttempt: attempt + 1)
    }

    /// The connection was lost.
    mutating func lost(at now: ContinuousClock.Instant) -> Action {
        guard case .connected(let since, let attempt) = self.state else { return .stop }
        let next = since.duration(to: now) < Self.timeToHold ? attempt + 1 : 1
        self.state = .waiting(attempt: next)
        return self.wait(round: max(1, next / self.endpoints.count), atMost: self.backoff.maximum, nextAttempt: next)
    }

    /// The connection is wanted no longer.
    mutating func close() { self.state = .closed }

    private mutating func connect(attempt: Int) -> Action {
        self.state = .connecting(attempt: attempt)
        return .connect(self.endpoints[self.nextEndpoint], attempt: attempt)
    }

    private mutating func wait(round: Int, atMost maximum: Duration, nextAttempt: Int) -> Action {
        let delay = self.backoff.delay(beforeAttempt: round, atMost: maximum, chance: self.chance())
        return .wait(delay, beforeAttempt: nextAttempt)
    }
}

extension BrokerError {
    /// Whether trying again helps only after a person has changed something.
    var isConfigurationError: Bool {
        [.loginRefused, .vhostNotFound, .tlsFailed, .invalidAddress, .invalidArgument].contains(self.code)
    }
}
