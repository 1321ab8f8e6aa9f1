import CRabbitMQ
import EnokiBroker

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A connection that librabbitmq has made and logged in. From here on it only decodes: the socket is ours.
///
/// Only the I/O thread uses it.
final class LoggedIn {
    let state: amqp_connection_state_t
    let socket: Socket

    fileprivate init(state: amqp_connection_state_t, socket: Socket) {
        self.state = state
        self.socket = socket
    }

    deinit { amqp_destroy_connection(self.state) }

    /// The largest frame, as negotiated.
    var frameMax: Int { Int(amqp_get_frame_max(self.state)) }
    /// The highest channel number, as negotiated.
    var channelMax: UInt16 { UInt16(clamping: amqp_get_channel_max(self.state)) }
    /// The interval of heartbeats, as negotiated.
    var heartbeat: Duration { .seconds(max(1, Int(amqp_get_heartbeat(self.state)))) }
}

/// Connects and logs in. It blocks, so only the I/O thread may call it.
struct Login {
    let configuration: RabbitMQConfiguration
    let endpoint: RabbitMQConfiguration.Endpoint
    /// What the broker's management shows for the connection.
    let connectionName: String
    /// Whether one of several addresses has only ``haste``: one that swallows everything must not eat up the time of the others.
    let isHurried: Bool
    let resolver: Resolver
    /// Told of the address before user and password go there.
    let willLogIn: (_ address: String) -> Void

    /// How long connecting to one of several addresses may take at first. When none of them has answered they have more, since
    /// all may be slow.
    private static let haste = Duration.seconds(2)

    /// Tries each address of the endpoint.
    func run() throws(BrokerError) -> LoggedIn {
        try self.checkCredentials()
        let begin = ContinuousClock.now
        let timeout = self.configuration.connectionTimeout
        let hasOthers = self.configuration.endpoints.count > 1
        let addresses = try self.addresses(within: hasOthers && self.isHurried ? min(timeout, Self.haste) : timeout)
        let budget = timeout - begin.duration(to: .now)
        let slice = addresses.count > 1 ? min(budget, max(Self.haste, budget / addresses.count)) : budget
        let time = (hasOthers || addresses.count > 1) && self.isHurried ? min(slice, Self.haste) : slice
        var failure = BrokerError(.connectionFailed, "\(self.endpoint): no address")
        for address in addresses {
            do throws(BrokerError) {
                return try self.connect(to: address, within: time, andLogInWithin: slice)
            } catch {
                failure = error
                // The broker itself has spoken, or nobody can be trusted: the next address would say the same.
                if error.isConfigurationError { break }
            }
        }
        throw failure
    }

    private func addresses(within time: Duration) throws(BrokerError) -> [String] {
        do throws(Resolver.Failure) {
            return try self.resolver.addresses(of: self.endpoint.host, within: time)
        } catch {
            throw self.failure(.connectionFailed, "the host name cannot be resolved (\(error.reason))")
        }
    }

    private func connect(
        to address: String,
        within timeToConnect: Duration,
        andLogInWithin timeout: Duration
    ) throws(BrokerError) -> LoggedIn {
        guard let state = amqp_new_connection() else { throw self.failure(.connectionFailed, "out of memory") }
        var ownsState = true
        defer { if ownsState { amqp_destroy_connection(state) } }

        let begin = ContinuousClock.now
        var time = timeval(timeToConnect)
        let tls = try TLSHandshake.prepare(state, self.configuration.tls, host: self.endpoint.host)
        if tls == nil, amqp_tcp_socket_new(state) == nil {
            throw self.failure(.connectionFailed, "out of memory")
        }
        let opened = amqp_socket_open_noblock(amqp_get_socket(state), address, Int32(self.endpoint.port), &time)
        let systemError = errno
        if opened != AMQP_STATUS_OK.rawValue {
            if let problem = tls?.failure(status: opened) { throw self.failure(.tlsFailed, problem) }
            var reason = LibraryStatus.describe(opened)
            if opened == AMQP_STATUS_SOCKET_ERROR.rawValue {
                // Of a connection that failed while it was awaited librabbitmq forgets the reason.
                reason =
                    [0, EINPROGRESS].contains(systemError)
                    ? "connection refused, or host unreachable" : Platform.describe(error: systemError).lowercased()
            }
            throw self.failure(.connectionFailed, reason)
        }
        let connection = tls?.finish()
        time = timeval(timeout - begin.duration(to: .now))
        amqp_set_handshake_timeout(state, &time)
        self.willLogIn(address)
        try self.logIn(state)
        try self.checkFrameMax(Int(amqp_get_frame_max(state)))
        Platform.prepare(socket: amqp_get_sockfd(state), timeout: self.configuration.heartbeat * 2)
        ownsState = false
        return LoggedIn(state: state, socket: Socket(descriptor: amqp_get_sockfd(state), tls: connection))
    }

    private func logIn(_ state: amqp_connection_state_t) throws(BrokerError) {
        let arena = EncodingArena()
        // Without the capabilities RabbitMQ would keep silent about cancelled consumers and about its alarms.
        var properties = arena.table([
            "product": "Enoki",
            "connection_name": .string(self.connectionName),
            "capabilities": [
                "consumer_cancel_notify": true, "connection.blocked": true, "basic.nack": true,
                "publisher_confirms": true,
            ],
        ])
        let seconds = max(1, self.configuration.heartbeat.wholeMilliseconds / 1000)
        let reply = enoki_login_plain(
            state,
            self.configuration.vhost,
            0,
            Int32(WireLimits.frameMax),
            Int32(clamping: seconds),
            &properties,
            self.configuration.user,
            self.configuration.password.reveal()
        )
        switch reply.reply_type {
        case AMQP_RESPONSE_NORMAL: return
        case AMQP_RESPONSE_SERVER_EXCEPTION: throw self.refusal(IncomingMethod(reply.reply))
        default:
            throw self.failure(
                .connectionFailed,
                "no login: \(LibraryStatus.describe(reply.library_error))\(self.guess(reply.library_error))"
            )
        }
    }

    /// Throws where the broker wants smaller frames than AMQP allows, into which no method need fit.
    func checkFrameMax(_ size: Int) throws(BrokerError) {
        guard size < AMQP_FRAME_MIN_SIZE else { return }
        throw self.failure(
            .protocolViolation,
            "the broker wants frames of at most \(size) bytes, and AMQP demands \(AMQP_FRAME_MIN_SIZE) (frame_max)"
        )
    }

    /// A port for TLS hangs up on who speaks without it.
    private func guess(_ status: Int32) -> String {
        guard self.configuration.tls == nil, status == AMQP_STATUS_SOCKET_ERROR.rawValue else { return "" }
        return " (does the port want TLS? write amqps:// then)"
    }

    private func refusal(_ method: IncomingMethod) -> BrokerError {
        guard case .connectionClosed(let closure) = method else {
            return self.failure(.protocolViolation, "the broker answered the login with \(method)")
        }
        let user = self.configuration.user
        let vhost = self.configuration.vhost
        switch Int32(closure.code) {
        case AMQP_ACCESS_REFUSED:
            return self.failure(
                .loginRefused,
                "login refused for user '\(user)' (virtual host '\(vhost)'): \(closure.text)"
            )
        case AMQP_NOT_ALLOWED:
            return self.failure(
                .vhostNotFound,
                "virtual host '\(vhost)' does not exist or user '\(user)' may not use it: \(closure.text)"
            )
        default:
            return self.failure(
                .connectionFailed,
                "the broker refused the login of user '\(user)' to virtual host '\(vhost)':"
                    + " \(closure.code) \(closure.text)"
            )
        }
    }

    private func checkCredentials() throws(BrokerError) {
        // C strings end at the first NUL, and the field for the virtual host is a short string.
        for (what, text) in [
            ("user", self.configuration.user), ("password", self.configuration.password.reveal()),
            ("virtual host", self.configuration.vhost), ("host", self.endpoint.host),
        ] where text.utf8.contains(0) {
            throw BrokerError(.invalidAddress, "\(self.endpoint): the \(what) contains a NUL byte")
        }
        try WireLimits.check(shortString: self.configuration.vhost, as: "virtual host")
        guard (1...65535).contains(self.endpoint.port) else {
            throw BrokerError(.invalidAddress, "\(self.endpoint): the port must be from 1 to 65535")
        }
    }

    private func failure(_ code: BrokerError.Code, _ reason: String) -> BrokerError {
        BrokerError(code, "\(self.endpoint): \(reason)")
    }
}

/// librabbitmq's status codes in words.
enum LibraryStatus {
    /// Which librabbitmq runs, such as `0.11.0`.
    static var version: String { String(cString: amqp_version()) }

    static func describe(_ status: Int32) -> String {
        switch status {
        case AMQP_STATUS_TIMEOUT.rawValue, AMQP_STATUS_HEARTBEAT_TIMEOUT.rawValue: "no answer in time"
        case AMQP_STATUS_CONNECTION_CLOSED.rawValue: "the broker closed the connection"
        case AMQP_STATUS_SOCKET_ERROR.rawValue: "a socket error"
        default: amqp_error_string2(status).map { String(cString: $0) } ?? "status \(status)"
        }
    }
}

extension timeval {
    init(_ duration: Duration) {
        let milliseconds = max(1, duration.wholeMilliseconds)
        self.init(tv_sec: .init(milliseconds / 1000), tv_usec: .init(milliseconds % 1000 * 1000))
    }
}
