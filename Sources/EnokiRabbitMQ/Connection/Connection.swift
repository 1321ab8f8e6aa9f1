import EnokiBroker
import Logging

/// Who uses a connection; told on the I/O thread, and must not block it.
protocol ConnectionUser: AnyObject, Sendable {
    /// The login succeeded.
    func connectionOpened(_ session: Session)
    /// The session is over, or none could be made. The channels have been told.
    func connectionLost(_ error: BrokerError)
    /// The broker takes no messages; `nil`: it takes them again.
    func connectionBlocked(_ reason: String?)
    /// There is room in the outbox again.
    func connectionDrained()
    /// Whether the connection can be closed without leaving something unknown.
    var isIdle: Bool { get }
}

/// A connection that is kept alive: it has one thread, which connects, serves, and connects again.
final class Connection: Sendable {
    private struct Control {
        var isClosing = false
        /// Whether the thread is where nobody can wake it: in the resolver or in librabbitmq's login.
        var isBusyConnecting = false
        var isFinished = false
        var outcome: BrokerError?
        var waiter: CheckedContinuation<Void, Never>?
    }

    /// `publishing` or `consuming`.
    let name: String
    let configuration: RabbitMQConfiguration
    private let credentials: (@Sendable () -> Credentials?)?
    let logger: Logger
    let waker = Waker()
    private let resolver: Resolver
    /// The endpoints that were warned of.
    private let exposed: Locked<Set<RabbitMQConfiguration.Endpoint>>
    private let control = Locked(Control())
    private let report: @Sendable (BrokerStatus) -> Void

    /// - Parameter exposed: The endpoints that were warned of; one set for all connections of a broker.
    init(
        _ name: String,
        _ configuration: RabbitMQConfiguration,
        _ credentials: (@Sendable () -> Credentials?)?,
        lookUp: @escaping Resolver.LookUp,
        exposed: Locked<Set<RabbitMQConfiguration.Endpoint>>,
        logger: Logger,
        report: @escaping @Sendable (BrokerStatus) -> Void
    ) {
        self.name = name
        self.configuration = configuration
        self.credentials = credentials
        self.resolver = Resolver(waker: self.waker, lookUp: lookUp)
        self.exposed = exposed
        var logger = logger
        logger[metadataKey: "connection"] = "\(name)"
        self.logger = logger
        self.report = report
    }

    /// Connects and serves until ``close()``, or until it fails for good.
    ///
    /// - Throws: Why it can never be used.
    func run(for user: any ConnectionUser) async throws(BrokerError) {
        guard OwnThread.start(stackSize: Self.stackSize, { self.serve(user) }) else {
            throw BrokerError(.connectionFailed, "the system has no thread left for the \(self.name) connection")
        }
        await withCheckedContinuation { continuation in
            let isFinished = self.control.withLock { control in
                if !control.isFinished { control.waiter = continuation }
                return control.isFinished
            }
            if isFinished { continuation.resume() }
        }
        if let outcome = self.control.withLock({ $0.outcome }) { throw outcome }
    }

    /// Holds the deepest header table that fits into a frame, which librabbitmq decodes by recursion: 2 MiB would not.
    static let stackSize = 16 * 1024 * 1024

    /// Whether ``close()`` was called.
    var isClosing: Bool { self.control.withLock { $0.isClosing } }

    /// Ends the connection in order. A thread that is just connecting is left to end by itself.
    func close() {
        let isAbandoned = self.control.withLock { control in
            control.isClosing = true
            return control.isBusyConnecting
        }
        self.waker.wake()
        if isAbandoned { self.finish(nil) }
    }

    private func finish(_ outcome: BrokerError?) {
        let waiter = self.control.withLock { control -> CheckedContinuation<Void, Never>? in
            guard !control.isFinished else { return nil }
            control.isFinished = true
            control.outcome = outcome
            defer { control.waiter = nil }
            return control.waiter
        }
        waiter?.resume()
    }

    // MARK: - The thread

    private func serve(_ user: any ConnectionUser) {
        var machine = ConnectionStateMachine(self.configuration)
        var action = machine.start()
        var reason: String?
        while !self.isClosing {
            switch action {
            case .connect(let endpoint, let attempt):
                self.report(.connecting(attempt: attempt, reason: reason))
                let begin = ContinuousClock.now
                do throws(BrokerError) {
                    let login = try self.connect(to: endpoint, isHurried: machine.isHurried(attempt: attempt))
                    if self.isClosing { break }
                    machine.connected(at: .now)
                    self.logger.info(
                        "connected to RabbitMQ",
                        metadata: ["address": "\(endpoint)", "librabbitmq": "\(LibraryStatus.version)"]
                    )
                    let error = SessionLoop(login, self, user, endpoint: endpoint).run()
                    user.connectionLost(error)
                    if self.isClosing { break }
                    reason = error.message
                    action = machine.lost(at: .now)
                    self.logLoss(error, action)
                } catch {
                    if self.isClosing { break }
                    user.connectionLost(error)
                    let isNews = error.message != reason
                    reason = error.message
                    action = machine.failed(error, after: begin.duration(to: .now))
                    self.logFailure(error, action, attempt: attempt, isNews: isNews)
                }
            case .wait(let duration, let attempt):
                self.report(.connecting(attempt: attempt, reason: reason))
                let end = ContinuousClock.now + duration
                while !self.isClosing, ContinuousClock.now < end {
                    self.waker.sleep(for: ContinuousClock.now.duration(to: end))
                }
                action = machine.waited()
            case .fail(let error):
                self.finish(error)
                return
            case .stop:
                self.finish(nil)
                return
            }
        }
        self.finish(nil)
    }

    private func connect(
        to endpoint: RabbitMQConfiguration.Endpoint,
        isHurried: Bool
    ) throws(BrokerError) -> LoggedIn {
        guard self.waker.isReady() else {
            throw BrokerError(.connectionFailed, "\(endpoint): the process has no file descriptor left")
        }
        // In one step, or a close in between would wait for the login of a broker that says nothing.
        try self.control.withLock { control throws(BrokerError) in
            if control.isClosing { throw .brokerClosed }
            control.isBusyConnecting = true
        }
        defer { self.control.withLock { $0.isBusyConnecting = false } }
        if self.configuration.tls?.verification == .insecureNone {
            self.logger.warning(
                """
                INSECURE: the certificate of the broker is not verified (verify=verify_none); anybody on the way can \
                read and change everything
                """,
                metadata: ["address": "\(endpoint)"]
            )
        }
        var configuration = self.configuration
        if let credentials = self.credentials?() {
            configuration.user = credentials.user
            configuration.password = credentials.password
        }
        return try Login(
            configuration: configuration,
            endpoint: endpoint,
            connectionName: "\(self.configuration.connectionName) \(self.name)",
            isHurried: isHurried,
            resolver: self.resolver,
            willLogIn: { self.warn(of: configuration, at: endpoint, address: $0) }
        ).run()
    }

    /// Tells, once of each endpoint, what others may read on the way to it or know already.
    private func warn(
        of configuration: RabbitMQConfiguration,
        at endpoint: RabbitMQConfiguration.Endpoint,
        address: String
    ) {
        guard NumericAddress(address)?.isLoopback != true else { return }
        guard self.exposed.withLock({ $0.insert(endpoint).inserted }) else { return }
        if configuration.tls == nil {
            self.logger.warning(
                """
                INSECURE: the password and all messages go to another machine unencrypted; anybody on the way can read and \
                change them (write amqps:// for TLS)
                """,
                metadata: ["address": "\(endpoint)"]
            )
        }
        if configuration.user == "guest", configuration.password == Secret("guest") {
            self.logger.warning(
                """
                INSECURE: another machine is asked to let in guest with the password guest, which everybody knows; RabbitMQ \
                lets it in from its own machine only, unless told otherwise
                """,
                metadata: ["address": "\(endpoint)"]
            )
        }
    }

    private func logLoss(_ error: BrokerError, _ next: ConnectionStateMachine.Action) {
        self.logger.warning("lost the connection to RabbitMQ: \(error.message); \(Self.describe(next))")
    }

    /// A broker may be away for hours: what repeats is told after 1, 2, 4 ... 64 attempts, and then after every 64th.
    private func logFailure(
        _ error: BrokerError,
        _ next: ConnectionStateMachine.Action,
        attempt: Int,
        isNews: Bool
    ) {
        let isTold = isNews || (attempt < 64 ? attempt & (attempt - 1) : attempt % 64) == 0
        let level: Logger.Level = !isTold ? .debug : error.isConfigurationError ? .error : .warning
        self.logger.log(level: level, "no connection to RabbitMQ: \(error.message); \(Self.describe(next))")
    }

    private static func describe(_ next: ConnectionStateMachine.Action) -> String {
        switch next {
        case .wait(let duration, let attempt):
            let hundredths = (duration.wholeMilliseconds + 9) / 10
            return "attempt \(attempt) in \(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100) s"
        case .fail: return "gives up, as told to fail fast"
        default: return "closing"
        }
    }
}
