import EnokiBroker
import EnokiInProcess

/// How a client logs in (AMQP 0-9-1 §2.2.4): start, tune, open, each with its answer.
///
/// Methods in, methods out: it performs no I/O.
struct Handshake {
    /// What the port waits for; the names are RabbitMQ's, and stand in its texts.
    enum Phase: String {
        case starting
        case tuning
        case opening
    }

    /// What follows from a method.
    enum Step: Equatable {
        case answer(ServerMethod)
        /// The sides have agreed on ``Handshake/tuning``.
        case tuned
        /// The client wants this virtual host.
        case open(virtualHost: String)
    }

    /// The largest frame that is taken before the sides have agreed on one.
    static let initialFrameMax = 4096

    private let configuration: AMQPConfiguration
    /// Whether the client is on the machine that the port is on.
    private let isLoopback: Bool
    private(set) var phase = Phase.starting
    /// Who logged in; known from then on.
    private(set) var user: AMQPUser?
    /// What the client says of itself.
    private(set) var clientProperties = Headers()
    /// What the sides have agreed on, once they have.
    private(set) var tuning: ConnectionTune

    init(configuration: AMQPConfiguration, isLoopback: Bool) {
        self.configuration = configuration
        self.isLoopback = isLoopback
        self.tuning = ConnectionTune(channelMax: 0, frameMax: UInt32(Self.initialFrameMax), heartbeat: 0)
    }

    /// The first word, after the client's protocol header.
    static var start: ServerMethod {
        .connectionStart(
            serverProperties: ServerProperties.all,
            mechanisms: Credentials.Mechanism.allCases.map(\.rawValue).joined(separator: " "),
            locales: "en_US"
        )
    }

    /// Whether the client knows an extension of RabbitMQ's, by what it says of itself.
    func clientCan(_ capability: String) -> Bool {
        self.clientProperties["capabilities"]?.tableValue?[capability]?.boolValue == true
    }

    /// Takes a method of the client.
    ///
    /// - Throws: ``ConnectionFailure`` when it is not the one that is waited for, or says what is not allowed.
    mutating func receive(_ method: ClientMethod) throws(ConnectionFailure) -> Step {
        switch (self.phase, method) {
        case (.starting, .connectionStartOk(let startOk)):
            self.clientProperties = startOk.clientProperties
            self.user = try self.authenticate(startOk)
            self.phase = .tuning
            return .answer(.connectionTune(self.configuration.tuning))
        case (.tuning, .connectionTuneOk(let tuning)):
            let wanted = self.configuration.tuning
            try Self.check("frame_max", tuning.frameMax, UInt32(Self.initialFrameMax)...wanted.frameMax)
            try Self.check("channel_max", tuning.channelMax, 1...wanted.channelMax)
            self.tuning = tuning
            self.phase = .opening
            return .tuned
        case (.opening, .connectionOpen(let virtualHost)): return .open(virtualHost: virtualHost)
        default: throw self.told(.unexpected(method.id, in: self.phase.rawValue))
        }
    }

    /// The failure as the client hears of it: with RabbitMQ not at all, before it is nearly in.
    func told(_ failure: ConnectionFailure) -> ConnectionFailure {
        self.phase == .opening ? failure : failure.silenced
    }

    private func authenticate(_ startOk: ConnectionStartOk) throws(ConnectionFailure) -> AMQPUser {
        guard let mechanism = Credentials.Mechanism(rawValue: startOk.mechanism) else {
            throw self.told(ConnectionFailure(.commandInvalid, "unknown mechanism '\(startOk.mechanism)'"))
        }
        guard let credentials = Credentials(mechanism: mechanism, response: startOk.response.octets) else {
            throw self.told(ConnectionFailure(.syntaxError, "malformed response for \(mechanism.rawValue)"))
        }
        let user = self.configuration.users.first {
            $0.name.hasSameBytes(as: credentials.user) && $0.password.hasSameBytes(as: credentials.password)
        }
        guard let user else { throw self.refused(mechanism, "unknown user or wrong password") }
        guard self.isLoopback || !user.isLoopbackOnly else {
            throw self.refused(mechanism, "user '\(user.name)' may log in only from the broker's own machine")
        }
        return user
    }

    /// - Parameter detail: For the log alone: the client is told nothing that helps to guess.
    private func refused(_ mechanism: Credentials.Mechanism, _ detail: String) -> ConnectionFailure {
        var failure = ConnectionFailure(
            .accessRefused,
            "Login was refused using authentication mechanism \(mechanism.rawValue). For details see the broker logfile."
        )
        failure.detail = detail
        return self.clientCan("authentication_failure_close") ? failure : failure.silenced
    }

    private static func check<Number: FixedWidthInteger>(
        _ name: String,
        _ value: Number,
        _ range: ClosedRange<Number>
    ) throws(ConnectionFailure) {
        guard !range.contains(value) else { return }
        // RabbitMQ names the maximum for what is too low, too.
        let complaint = value == 0 || value > range.upperBound ? "higher than the maximum" : "lower than the minimum"
        throw ConnectionFailure(
            .notAllowed,
            "negotiated \(name) = \(value) is \(complaint) allowed value (\(range.upperBound))",
            method: .connectionTune,
            notice: .silence
        )
    }
}

extension AMQPConfiguration {
    /// What the port offers.
    fileprivate var tuning: ConnectionTune {
        ConnectionTune(
            channelMax: UInt16(clamping: max(1, self.channelMax)),
            frameMax: UInt32(clamping: max(Handshake.initialFrameMax, self.frameMax)),
            heartbeat: UInt16(clamping: self.heartbeat.components.seconds)
        )
    }
}
