import EnokiBroker

/// Where RabbitMQ is and how to use it.
///
/// Most users write a URI, see ``init(uri:)``; every field can be changed afterwards.
public struct RabbitMQConfiguration: Sendable, Hashable {
    /// A node of a cluster.
    public struct Endpoint: Sendable, Hashable, CustomStringConvertible {
        /// Host name, IPv4 or IPv6 address (without brackets).
        public var host: String
        /// TCP port.
        public var port: Int

        /// A node at `host` and `port`.
        public init(host: String, port: Int = 5672) {
            self.host = host
            self.port = port
        }

        /// `host:port`, an IPv6 address in brackets.
        public var description: String {
            self.host.utf8.contains(UInt8(ascii: ":")) ? "[\(self.host)]:\(self.port)" : "\(self.host):\(self.port)"
        }
    }

    /// The nodes, tried in turn; never empty in use. Default `localhost:5672`.
    public var endpoints: [Endpoint] = [Endpoint(host: "localhost")]
    /// The user. Default `guest`, which RabbitMQ lets in from its own machine only.
    public var user: String = "guest"
    /// The password. Default `guest`.
    public var password: Secret = Secret("guest")
    /// The virtual host. Default `/`.
    public var vhost: String = "/"
    /// TLS, or `nil` for plain TCP.
    public var tls: TLSOptions?
    /// How often each side shows that it is alive; a connection silent for twice as long is lost. In whole seconds, at
    /// least 1; RabbitMQ's own wish counts where it is shorter. Default 10 seconds. A connection is lost, too, on which a frame that
    /// has begun is not whole after twice as long, or after the time that its size takes at 8 KiB a second where that is more.
    public var heartbeat: Duration = .seconds(10)
    /// How long finding the addresses of one endpoint, connecting to it and logging in may take. Default 10 seconds. Where there
    /// are several addresses, connecting to each takes at most 2 seconds before the next is tried, and longer only when all of them
    /// have failed, or where ``failFast`` asks each once.
    public var connectionTimeout: Duration = .seconds(10)
    /// How long declaring, binding, consuming and the like may take, waiting for the connection included. Default 10
    /// seconds.
    public var callTimeout: Duration = .seconds(10)
    /// Whether ``RabbitMQBroker/run()`` throws when the first connection does not succeed, instead of trying on.
    public var failFast: Bool = false
    /// The name that RabbitMQ's management shows for the connections.
    public var connectionName: String = "enoki"
    /// How many bytes may wait to be sent before publishers wait too. Default 4 MiB. Of publishers' messages, at most 100,000 wait
    /// then, or 256 MiB with their headers; a further one fails at once with ``BrokerError/Code/notSent``.
    public var outputBufferLimit: Int = 4 * 1024 * 1024
    /// How many messages may be sent without a confirm before further ones wait, at least 1: no more can come twice when the
    /// connection is lost. Default 1000; 64 MiB of messages are a limit too.
    public var maxUnconfirmed: Int = 1000
    /// The longest body, in bytes: a longer one is not published, and one that arrives is rejected. Default 16 MiB.
    public var maxBodySize: Int = WireLimits.bodySize
    /// How long RabbitMQ lets a consumer leave a delivery unsettled before it closes the consumer's channel
    /// (`consumer_timeout` of its configuration): at half of it there is a warning in the log. Default 30 minutes, as
    /// RabbitMQ's.
    public var consumerTimeout: Duration = .seconds(1800)
    /// Whether a message without a message id is given one before it is sent, so that consumers can recognise one that comes
    /// twice, see ``RabbitMQBroker``. Default `true`; nameko's own messages have none, and its services ignore it.
    public var assignsMessageIDs: Bool = true
    /// How long to wait between attempts to connect.
    public var reconnect: ReconnectBackoff = ReconnectBackoff()

    /// The defaults: `guest` at `localhost:5672`, virtual host `/`, without TLS.
    public init() {}
}

/// How long to wait before the next attempt to connect: a random time up to a bound that doubles (full jitter), so that
/// many clients of one broker do not come back at the same instant.
public struct ReconnectBackoff: Sendable, Hashable {
    /// The bound before the first retry. Default 0.1 seconds.
    public var initial: Duration = .milliseconds(100)
    /// The highest bound. Default 10 seconds. After a refused login, virtual host or certificate it is half of that to all of it.
    public var maximum: Duration = .seconds(10)
    /// The highest bound while nothing listens at the broker's port: to ask costs nearly nothing then, and a broker that starts
    /// again has its services at once. Default 1 second; never more than ``maximum``.
    public var maximumWhileRefused: Duration = .seconds(1)

    /// The defaults.
    public init(
        initial: Duration = .milliseconds(100),
        maximum: Duration = .seconds(10),
        maximumWhileRefused: Duration = .seconds(1)
    ) {
        self.initial = initial
        self.maximum = maximum
        self.maximumWhileRefused = maximumWhileRefused
    }

    /// The wait before attempt `attempt`, which counts from 1.
    ///
    /// - Parameter chance: From 0 to 1, the share of the bound that is waited.
    func delay(beforeAttempt attempt: Int, atMost maximum: Duration, chance: Double) -> Duration {
        let doublings = min(max(attempt - 1, 0), 20)
        return min(self.initial * (1 << doublings), self.maximum, maximum) * chance
    }

    /// The wait for somebody to change what is configured: never short, and not the same for all.
    ///
    /// - Parameter chance: From 0 to 1.
    func delayForPeople(chance: Double) -> Duration { self.maximum * (0.5 + chance / 2) }
}

/// How a TLS connection is made. By default the certificate of the server must be valid, of a known authority, and for
/// the host that was asked for; at least TLS 1.2.
public struct TLSOptions: Sendable, Hashable {
    /// How the server is known.
    public enum Verification: Sendable, Hashable {
        /// The certificate must be valid and name the host or address.
        case full
        /// Whoever answers is believed. Anybody on the way can read and change everything.
        case insecureNone
    }

    /// A PEM file with the authorities to trust; `nil` trusts those of the system.
    public var authorities: String?
    /// A PEM file with the client's certificate and its chain.
    public var certificate: String?
    /// A PEM file with the client's private key, not encrypted.
    public var key: String?
    /// How the server is known.
    public var verification: Verification = .full

    /// The defaults.
    public init(authorities: String? = nil, certificate: String? = nil, key: String? = nil) {
        self.authorities = authorities
        self.certificate = certificate
        self.key = key
    }
}
