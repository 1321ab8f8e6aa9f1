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
    /// How long a call of an RPC method or an event handler may take that has no `timeout:` of its own, shorter or longer; zero is any
    /// time. Default 10 minutes: a message that waits behind such a call, and has one itself, is settled before RabbitMQ wants it
    /// back after 30 minutes (`consumer_timeout`).
    ///
    /// Timers, ``Once`` and what an entrypoint of one's own spawns may take any time.
    public var handlerTimeout: Duration = .seconds(600)
    /// How many parents the call id stack keeps beside a worker's own id.
    public var parentCallsTracked = 10
    /// How long a stopping container waits for its workers before it cancels them.
    public var shutdownGrace: Duration = .seconds(25)
    /// How often a message may come back unsettled from processes that may have died of it, before it is given up; 0 is
    /// any number.
    public var deliveryLimit = 5
    /// How long the threads of Swift's cooperative pool may be stuck before the log says so; zero is for ever.
    public var stallThreshold: Duration = .seconds(5)
    /// How long they may be stuck before the host stops with ``PoolStalled``, and a runner's process ends; zero is for ever. It is no
    /// shorter than ``stallThreshold``, without which nobody watches.
    public var stallLimit: Duration = .seconds(300)
    /// How many calls may wait for one. An event begins a chain of its own: events that lead to themselves are not limited.
    public var callChains = CallChainLimits()
    /// Whether containers declare the event exchanges they use.
    public var declareEventExchanges = true
    /// Whether a service fails to start when a queue or an exchange of its own exists with other arguments. By default it uses what
    /// is there and says in its log how it differs, so that a deploy which changes arguments does not stop the service. What keeps less
    /// than is wanted, or is of another type, is never used: `durable`, `auto_delete`, `type` and `internal`.
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

    /// The keys by which ``init(_:)`` reads them.
    package enum Key: String, Sendable, CaseIterable {
        case maxWorkers = "max_workers"
        case prefetchCount = "PREFETCH_COUNT"
        case rpcExchange = "rpc_exchange"
        case rpcTimeout = "rpc_timeout"
        case handlerTimeout = "handler_timeout"
        case parentCallsTracked = "parent_calls_tracked"
        case shutdownGrace = "shutdown_grace"
        case deliveryLimit = "delivery_limit"
        case callRepeatLimit = "call_repeat_limit"
        case callDepthLimit = "call_depth_limit"
        case stallThreshold = "stall_threshold"
        case stallLimit = "stall_limit"
        case declareEventExchanges = "DECLARE_EVENT_EXCHANGES"
        case autoDeleteEventExchanges = "AUTO_DELETE_EVENT_EXCHANGES"
        case strictTopology = "strict_topology"
        case maxBodySize = "max_body_size"
        case maxBodyDepth = "max_body_depth"
        case maxHeaders = "max_headers"
        case maxHeadersSize = "max_headers_size"
        case contextKeys = "context_keys"
    }

    /// Reads settings, leaving the default for each key that is absent.
    ///
    /// ## Configuration keys
    /// - `max_workers` (int, default 10)
    /// - `PREFETCH_COUNT` (int, default twice `max_workers`)
    /// - `rpc_exchange` (string, default `nameko-rpc`)
    /// - `rpc_timeout` (double, seconds, default 30)
    /// - `handler_timeout` (double, seconds, default 600; 0 is none)
    /// - `parent_calls_tracked` (int, default 10)
    /// - `shutdown_grace` (double, seconds, default 25)
    /// - `delivery_limit` (int, default 5; 0 is none)
    /// - `call_repeat_limit` (int, default 8; 0 is none)
    /// - `call_depth_limit` (int, default 16; 0 is none)
    /// - `stall_threshold` (double, seconds, default 5; 0 is none)
    /// - `stall_limit` (double, seconds, default 300; 0 is none)
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
        if let maxWorkers = try await read.int(.maxWorkers) { self.maxWorkers = maxWorkers }
        self.prefetch = try await read.int(.prefetchCount)
        if let rpcExchange = try await read.string(.rpcExchange) { self.rpcExchange = rpcExchange }
        if let rpcTimeout = try await read.duration(.rpcTimeout) { self.rpcTimeout = rpcTimeout }
        if let handlerTimeout = try await read.duration(.handlerTimeout) { self.handlerTimeout = handlerTimeout }
        if let parents = try await read.int(.parentCallsTracked) { self.parentCallsTracked = parents }
        if let shutdownGrace = try await read.duration(.shutdownGrace) { self.shutdownGrace = shutdownGrace }
        if let limit = try await read.int(.deliveryLimit) { self.deliveryLimit = limit }
        if let limit = try await read.int(.callRepeatLimit) { self.callChains.repeats = limit }
        if let limit = try await read.int(.callDepthLimit) { self.callChains.depth = limit }
        if let threshold = try await read.duration(.stallThreshold) { self.stallThreshold = threshold }
        if let limit = try await read.duration(.stallLimit) { self.stallLimit = limit }
        if let declares = try await read.bool(.declareEventExchanges) { self.declareEventExchanges = declares }
        if let deletes = try await read.bool(.autoDeleteEventExchanges) { self.autoDeleteEventExchanges = deletes }
        if let strict = try await read.bool(.strictTopology) { self.strictTopology = strict }
        if let size = try await read.int(.maxBodySize) { self.limits.bodySize = size }
        if let depth = try await read.int(.maxBodyDepth) { self.limits.bodyDepth = depth }
        if let count = try await read.int(.maxHeaders) { self.limits.headerCount = count }
        if let size = try await read.int(.maxHeadersSize) { self.limits.headersSize = size }
        self.contextKeys = try await read.strings(.contextKeys)
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
        guard self.handlerTimeout >= .zero, self.handlerTimeout <= Self.maximumDuration else {
            throw ConfigurationError(
                "handler_timeout is \(self.handlerTimeout): give more than 0 and at most "
                    + "\(Self.maximumDuration.components.seconds) seconds, or 0 for none"
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
        guard self.stallThreshold == .zero || (.milliseconds(100)...Self.maximumDuration).contains(self.stallThreshold)
        else {
            throw ConfigurationError(
                "stall_threshold is \(self.stallThreshold): give at least 0.1 and at most "
                    + "\(Self.maximumDuration.components.seconds) seconds, or 0 for none"
            )
        }
        guard self.stallLimit >= .zero, self.stallLimit <= Self.maximumDuration else {
            throw ConfigurationError(
                "stall_limit is \(self.stallLimit): give 0 to \(Self.maximumDuration.components.seconds) seconds"
            )
        }
        try self.callChains.validate()
        try self.limits.validate()
        guard self.shutdownGrace >= .zero, self.shutdownGrace <= Self.maximumDuration else {
            throw ConfigurationError(
                "shutdown_grace is \(self.shutdownGrace): give 0 to \(Self.maximumDuration.components.seconds) seconds"
            )
        }
    }
}
