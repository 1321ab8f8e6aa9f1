public import Configuration

/// The settings that the containers of one process share. Names and defaults follow nameko.
public struct ServiceSettings: Sendable, Hashable {
    /// How many calls a container works on at once, over all its entrypoints.
    public var maxWorkers = 10
    /// How many deliveries each consumer may hold, those in work included; `nil` is twice ``maxWorkers``.
    public var prefetch: Int?
    /// The exchange of RPC requests and replies.
    public var rpcExchange = "nameko-rpc"
    /// How long a call waits for its reply, unless the proxy or the call says otherwise.
    public var rpcTimeout: Duration = .seconds(30)
    /// How many parents the call id stack keeps beside a worker's own id.
    public var parentCallsTracked = 10
    /// How long a stopping container waits for its workers before it cancels them.
    public var shutdownGrace: Duration = .seconds(25)
    /// Whether containers declare the event exchanges they use.
    public var declareEventExchanges = true
    /// Whether event exchanges are declared auto-delete; all services of a broker must agree.
    public var autoDeleteEventExchanges = false

    /// The defaults.
    public init() {}

    /// Reads settings, leaving the default for each key that is absent.
    ///
    /// ## Configuration keys
    /// - `max_workers` (int, default 10)
    /// - `PREFETCH_COUNT` (int, default twice `max_workers`)
    /// - `rpc_exchange` (string, default `nameko-rpc`)
    /// - `rpc_timeout` (double, seconds, default 30)
    /// - `parent_calls_tracked` (int, default 10)
    /// - `shutdown_grace` (double, seconds, default 25)
    /// - `DECLARE_EVENT_EXCHANGES` (bool, default true)
    /// - `AUTO_DELETE_EVENT_EXCHANGES` (bool, default false)
    ///
    /// - Throws: ``ConfigurationError`` for a value of the wrong type or out of range.
    public init(_ reader: ConfigReader) throws {
        self.maxWorkers = reader.int(forKey: "max_workers", default: self.maxWorkers)
        self.prefetch = reader.int(forKey: "PREFETCH_COUNT")
        self.rpcExchange = reader.string(forKey: "rpc_exchange", default: self.rpcExchange)
        self.rpcTimeout = .seconds(reader.double(forKey: "rpc_timeout", default: 30))
        self.parentCallsTracked = reader.int(forKey: "parent_calls_tracked", default: self.parentCallsTracked)
        self.shutdownGrace = .seconds(reader.double(forKey: "shutdown_grace", default: 25))
        self.declareEventExchanges = reader.bool(
            forKey: "DECLARE_EVENT_EXCHANGES",
            default: self.declareEventExchanges
        )
        self.autoDeleteEventExchanges = reader.bool(
            forKey: "AUTO_DELETE_EVENT_EXCHANGES",
            default: self.autoDeleteEventExchanges
        )
        try self.validate()
    }

    /// The prefetch of each consumer.
    var effectivePrefetch: Int { self.prefetch ?? min(self.maxWorkers * 2, Self.maximumPrefetch) }

    /// `basic.qos` carries the prefetch in 16 bits.
    private static let maximumPrefetch = Int(UInt16.max)

    /// Checks what no type can.
    func validate() throws(ConfigurationError) {
        guard (1...1_000_000).contains(self.maxWorkers) else {
            throw ConfigurationError("max_workers is \(self.maxWorkers): give a number from 1 to 1000000")
        }
        if let prefetch = self.prefetch, !(1...Self.maximumPrefetch).contains(prefetch) {
            throw ConfigurationError("PREFETCH_COUNT is \(prefetch): give a number from 1 to \(Self.maximumPrefetch)")
        }
        guard !self.rpcExchange.isEmpty, self.rpcExchange.utf8.count <= 255 else {
            throw ConfigurationError("rpc_exchange must be a name of 1 to 255 bytes")
        }
        guard self.rpcTimeout > .zero else {
            throw ConfigurationError("rpc_timeout is \(self.rpcTimeout): give a positive number of seconds")
        }
        guard (0...31).contains(self.parentCallsTracked) else {
            throw ConfigurationError("parent_calls_tracked is \(self.parentCallsTracked): give a number from 0 to 31")
        }
        guard self.shutdownGrace >= .zero else {
            throw ConfigurationError("shutdown_grace is \(self.shutdownGrace): give a number of seconds from 0")
        }
    }
}
