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
    /// How often a message may come back unsettled from processes that may have died of it, before it is given up; 0 is
    /// any number.
    public var deliveryLimit = 5
    /// Whether containers declare the event exchanges they use.
    public var declareEventExchanges = true
    /// Whether a service fails to start when a queue or an exchange of its own exists with other arguments. By default it uses what
    /// is there and says in its log how it differs, so that a deploy which changes arguments does not stop the service.
    public var strictTopology = false
    /// Whether event exchanges are declared auto-delete; all services of a broker must agree.
    public var autoDeleteEventExchanges = false

    /// How much of a message is read.
    public var limits = MessageLimits()
    /// The names of the context data that a call takes over from its message, without their prefix `nameko.`; `nil` is all,
    /// as with nameko.
    public var contextKeys: [String]?

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
    /// - `delivery_limit` (int, default 5; 0 is none)
    /// - `DECLARE_EVENT_EXCHANGES` (bool, default true)
    /// - `AUTO_DELETE_EVENT_EXCHANGES` (bool, default false)
    /// - `strict_topology` (bool, default false)
    /// - `max_body_size` (int, bytes, default 16777216)
    /// - `max_body_depth` (int, default 64)
    /// - `max_headers` (int, default 64)
    /// - `max_headers_size` (int, bytes, default 8192)
    /// - `context_keys` (list of strings, default all)
    ///
    /// - Throws: ``ConfigurationError`` for a value of the wrong type or out of range; it names the key, never the value.
    public init(_ reader: ConfigReader) async throws {
        let read = StrictReader(reader: reader)
        if let maxWorkers = try await read.int("max_workers") { self.maxWorkers = maxWorkers }
        self.prefetch = try await read.int("PREFETCH_COUNT")
        if let rpcExchange = try await read.string("rpc_exchange") { self.rpcExchange = rpcExchange }
        if let rpcTimeout = try await read.duration("rpc_timeout") { self.rpcTimeout = rpcTimeout }
        if let parents = try await read.int("parent_calls_tracked") { self.parentCallsTracked = parents }
        if let shutdownGrace = try await read.duration("shutdown_grace") { self.shutdownGrace = shutdownGrace }
        if let limit = try await read.int("delivery_limit") { self.deliveryLimit = limit }
        if let declares = try await read.bool("DECLARE_EVENT_EXCHANGES") { self.declareEventExchanges = declares }
        if let deletes = try await read.bool("AUTO_DELETE_EVENT_EXCHANGES") { self.autoDeleteEventExchanges = deletes }
        if let strict = try await read.bool("strict_topology") { self.strictTopology = strict }
        if let size = try await read.int("max_body_size") { self.limits.bodySize = size }
        if let depth = try await read.int("max_body_depth") { self.limits.bodyDepth = depth }
        if let count = try await read.int("max_headers") { self.limits.headerCount = count }
        if let size = try await read.int("max_headers_size") { self.limits.headersSize = size }
        self.contextKeys = try await read.strings("context_keys")
        try self.validate()
    }

    /// The prefetch of each consumer.
    var effectivePrefetch: Int { self.prefetch ?? min(self.maxWorkers * 2, Self.maximumPrefetch) }

    /// `basic.qos` carries the prefetch in 16 bits.
    private static let maximumPrefetch = Int(UInt16.max)

    /// A message's expiration travels in milliseconds, in 32 bits (RabbitMQ's limit): 49 days.
    private static let maximumDuration = Duration.seconds(4_000_000)

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
        guard self.rpcTimeout > .zero, self.rpcTimeout <= Self.maximumDuration else {
            throw ConfigurationError(
                "rpc_timeout is \(self.rpcTimeout): give more than 0 and at most \(Self.maximumDuration.components.seconds) seconds"
            )
        }
        guard (0...31).contains(self.parentCallsTracked) else {
            throw ConfigurationError("parent_calls_tracked is \(self.parentCallsTracked): give a number from 0 to 31")
        }
        guard (0...1000).contains(self.deliveryLimit) else {
            throw ConfigurationError(
                "delivery_limit is \(self.deliveryLimit): give a number from 1 to 1000, or 0 for none"
            )
        }
        try self.limits.validate()
        guard self.shutdownGrace >= .zero, self.shutdownGrace <= Self.maximumDuration else {
            throw ConfigurationError(
                "shutdown_grace is \(self.shutdownGrace): give 0 to \(Self.maximumDuration.components.seconds) seconds"
            )
        }
    }
}

/// Reads settings so that a value of the wrong type is an error: `ConfigReader`'s own getters take it for absent.
private struct StrictReader {
    let reader: ConfigReader

    func int(_ key: String) async throws -> Int? {
        try await self.expecting("a whole number", key) { try await self.reader.fetchInt(forKey: ConfigKey(key)) }
    }

    func string(_ key: String) async throws -> String? {
        try await self.expecting("a string", key) { try await self.reader.fetchString(forKey: ConfigKey(key)) }
    }

    func strings(_ key: String) async throws -> [String]? {
        try await self.expecting("a list of strings", key) {
            try await self.reader.fetchStringArray(forKey: ConfigKey(key))
        }
    }

    func bool(_ key: String) async throws -> Bool? {
        try await self.expecting("true or false", key) { try await self.reader.fetchBool(forKey: ConfigKey(key)) }
    }

    func duration(_ key: String) async throws -> Duration? {
        let seconds = try await self.expecting("a number of seconds", key) {
            try await self.reader.fetchDouble(forKey: ConfigKey(key))
        }
        guard let seconds else { return nil }
        // `Duration.seconds` traps on what it cannot hold.
        guard seconds.isFinite, abs(seconds) <= 1_000_000_000 else {
            throw ConfigurationError("\(key) is out of range: give a number of seconds")
        }
        return .seconds(seconds)
    }

    private func expecting<Value>(
        _ expected: String,
        _ key: String,
        _ read: () async throws -> Value?
    ) async throws -> Value? {
        do {
            return try await read()
        } catch let error as ConfigurationError {
            throw error
        } catch {
            // The value is left out: it may be a secret that stands at the wrong key.
            throw ConfigurationError("\(key) has a value of the wrong type: give \(expected)")
        }
    }
}
