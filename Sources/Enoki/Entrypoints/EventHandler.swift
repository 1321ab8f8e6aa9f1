import Configuration

/// Handles events of a service.
///
/// ```swift
/// EventHandler("on_charged", onCharged)                                    // func onCharged(_: Charged), by contract
/// EventHandler("audit", of: "orders", "order.#", audit)                    // func audit(_: JSONValue), by pattern
/// EventHandler("flush", of: "ops", "cache.flush", mode: .broadcast, flush) // func flush(), on every instance
/// ```
///
/// An event is acknowledged when the handler has ended. What becomes of one that fails its ``FailurePolicy`` says: by default
/// it is tried again a few times and then goes to the dead letters, so that nothing is lost.
public struct EventHandler: Entrypoint, DirectlyCallable {
    /// Reads an event, and returns the call that it is for.
    typealias Decode = @Sendable (_ message: Message, _ codecs: Codecs) throws -> DecodedEvent

    /// The name of the handler: part of its queue's name.
    public let name: String

    let source: String
    let type: String
    let mode: HandlerMode
    let reliableDelivery: Bool?
    let limits: CallLimits
    private let onFailure: FailurePolicy?
    let idempotency: IdempotencyPlan?
    private let requeueOnError: Bool
    let decode: Decode
    private var sensitive = SensitiveArguments.none
    private let expectedErrors: [any Error.Type]

    /// A handler of the events that `Payload` is the contract of.
    ///
    /// - Parameters:
    ///   - name: The name of the handler.
    ///   - mode: Which instances get each event; by default one of this service.
    ///   - reliableDelivery: Whether the queue, and what is in it, outlives its consumers. By default it does, but for a
    ///     broadcast to processes, where it cannot.
    ///   - onFailure: What becomes of an event that fails. By default ``FailurePolicy/default``, retries and then the dead
    ///     letters; ``FailurePolicy/discard`` where the queue ends with its consumers.
    ///   - timeout: How long a call may take; it is cancelled then, and has failed. `nil` is
    ///     ``ServiceSettings/handlerTimeout``, 10 minutes.
    ///   - concurrency: How many events a container works on at once, over those of this handler; with 1 they are handled in the
    ///     order of their queue. `nil` is as many as it has workers.
    ///   - idempotency: A guard that keeps the handler from running twice for one event; by default there is none.
    ///   - requeueOnError: nameko's name for `onFailure: .requeue`.
    ///   - expectedErrors: Errors that are part of normal work: logged as a warning instead of as an error.
    ///   - sensitiveArguments: Paths to what no error text of Enoki's shows of the event, such as `card.number` or
    ///     `items[0].note`; nameko's `sensitive_arguments`.
    ///   - method: The handler.
    public init<Payload: Event>(
        _ name: String,
        mode: HandlerMode = .servicePool,
        reliableDelivery: Bool? = nil,
        onFailure: FailurePolicy? = nil,
        timeout: Duration? = nil,
        concurrency: Int? = nil,
        idempotency: Idempotency<Payload>? = nil,
        requeueOnError: Bool = false,
        expecting expectedErrors: [any Error.Type] = [],
        sensitiveArguments: [String] = [],
        _ method: @escaping @Sendable (Payload) async throws -> Void
    ) {
        self.init(
            name,
            Payload.source,
            Payload.type,
            mode,
            reliableDelivery,
            onFailure,
            CallLimits(timeout: timeout, concurrency: concurrency),
            idempotency?.plan,
            requeueOnError,
            expectedErrors,
            Self.decoding(SensitiveArguments(sensitiveArguments), idempotency?.key, method)
        )
        self.sensitive = SensitiveArguments(sensitiveArguments)
    }

    /// A handler of the events of service `source` whose type is `type` or, where that holds `*` or `#`, matches it.
    ///
    /// `*` stands for one word, `#` for any number of words. Other parameters as for the contract's.
    public init<Payload: Decodable & Sendable>(
        _ name: String,
        of source: String,
        _ type: String,
        mode: HandlerMode = .servicePool,
        reliableDelivery: Bool? = nil,
        onFailure: FailurePolicy? = nil,
        timeout: Duration? = nil,
        concurrency: Int? = nil,
        idempotency: Idempotency<Payload>? = nil,
        requeueOnError: Bool = false,
        expecting expectedErrors: [any Error.Type] = [],
        sensitiveArguments: [String] = [],
        _ method: @escaping @Sendable (Payload) async throws -> Void
    ) {
        self.init(
            name,
            source,
            type,
            mode,
            reliableDelivery,
            onFailure,
            CallLimits(timeout: timeout, concurrency: concurrency),
            idempotency?.plan,
            requeueOnError,
            expectedErrors,
            Self.decoding(SensitiveArguments(sensitiveArguments), idempotency?.key, method)
        )
        self.sensitive = SensitiveArguments(sensitiveArguments)
    }

    /// A handler that is told only that such an event happened.
    public init(
        _ name: String,
        of source: String,
        _ type: String,
        mode: HandlerMode = .servicePool,
        reliableDelivery: Bool? = nil,
        onFailure: FailurePolicy? = nil,
        timeout: Duration? = nil,
        concurrency: Int? = nil,
        idempotency: Idempotency<Void>? = nil,
        requeueOnError: Bool = false,
        expecting expectedErrors: [any Error.Type] = [],
        _ method: @escaping @Sendable () async throws -> Void
    ) {
        let key = idempotency?.key
        self.init(
            name,
            source,
            type,
            mode,
            reliableDelivery,
            onFailure,
            CallLimits(timeout: timeout, concurrency: concurrency),
            idempotency?.plan,
            requeueOnError,
            expectedErrors
        ) { message, codecs in
            _ = try codecs.codec(for: message)
            return DecodedEvent(method: method, key: key.map { key in { @Sendable in try key(()) } })
        }
    }

    private init(
        _ name: String,
        _ source: String,
        _ type: String,
        _ mode: HandlerMode,
        _ reliableDelivery: Bool?,
        _ onFailure: FailurePolicy?,
        _ limits: CallLimits,
        _ idempotency: IdempotencyPlan?,
        _ requeueOnError: Bool,
        _ expectedErrors: [any Error.Type],
        _ decode: @escaping Decode
    ) {
        self.name = name
        self.source = source
        self.type = type
        self.mode = mode
        self.reliableDelivery = reliableDelivery
        self.onFailure = onFailure
        self.limits = limits
        self.idempotency = idempotency
        self.requeueOnError = requeueOnError
        self.expectedErrors = expectedErrors
        self.decode = decode
    }

    private static func decoding<Payload: Decodable & Sendable>(
        _ sensitive: SensitiveArguments,
        _ key: (@Sendable (Payload) throws -> String)?,
        _ method: @escaping @Sendable (Payload) async throws -> Void
    ) -> Decode {
        { message, codecs in
            let payload = try codecs.read(Payload.self, from: message, hiding: sensitive)
            return DecodedEvent(
                method: { try await method(payload) },
                key: key.map { key in { @Sendable in try key(payload) } }
            )
        }
    }

    /// Checks the combination of mode and reliability, and resolves the broadcast identifier.
    public func bind(to container: ServiceContainer) throws -> any BoundEntrypoint {
        let handler = "event handler '\(self.name)' of service '\(container.name)'"
        guard !self.source.isEmpty else {
            throw ConfigurationError("\(handler) names no source: say which service's events it handles")
        }
        guard !self.type.isEmpty else {
            throw ConfigurationError("\(handler) has an empty event type: name the type, or '#' for all")
        }
        try self.limits.validate(for: handler)
        try self.sensitive.validate(of: handler)
        try self.idempotency?.validate(for: handler)
        var isReliable = self.reliableDelivery ?? true
        if case .broadcast(.process) = self.mode {
            guard self.reliableDelivery != true else {
                throw ConfigurationError(
                    "\(handler): you cannot specify `reliableDelivery` with a broadcast whose identifier is the process's: "
                        + "after a restart nobody would consume its queue. Use .broadcast(.hostname), "
                        + ".broadcast(.configuration(key:)) or .broadcast(.fixed(_:)), or leave reliability out"
                )
            }
            isReliable = false
        }
        let topology = EventTopology.handler(
            source: self.source,
            type: self.type,
            service: container.name,
            handler: self.name,
            sharing: try self.sharing(in: container, handler),
            isReliable: isReliable,
            container.process.settings
        )
        let queue = topology.queues[0]
        guard !queue.name.utf8.reversed().starts(with: RetryTopology.deadLetterSuffix.utf8.reversed()) else {
            throw ConfigurationError(
                "\(handler) would consume the queue '\(queue.name)', and what ends in '.dead' are dead letters: a command that "
                    + "discards those would discard its events. Give \(Self.lastPart(of: self.mode)) another name"
            )
        }
        let policy = try self.policy(for: queue, container.process.settings, handler)
        return BoundEventHandler(
            handler: self,
            topology: topology,
            failures: FailureHandling(
                entrypoint: self.name,
                policy: policy,
                queue: queue,
                container: container,
                expects: self.expects,
                gate: policy.killSwitch.map {
                    KillSwitchGate(
                        $0,
                        entrypoint: self.name,
                        timers: container.process.timers,
                        logger: container.logger
                    )
                }
            ),
            idempotency: self.idempotency.map { plan in
                IdempotencyGuard(
                    plan,
                    queue: queue.name,
                    timeout: self.limits.within(container.process.settings).timeout,
                    timers: container.process.timers
                )
            },
            container: container
        )
    }

    /// What the name of a handler's queue ends in.
    private static func lastPart(of mode: HandlerMode) -> String {
        switch mode {
        case .servicePool: "the handler"
        case .singleton: "the event type, or the handler another mode and"
        case .broadcast: "the broadcast identifier"
        }
    }

    private func policy(for queue: Queue, _ settings: ServiceSettings, _ handler: String) throws -> FailurePolicy {
        guard !self.requeueOnError || self.onFailure == nil else {
            throw ConfigurationError(
                "\(handler) has both `onFailure` and `requeueOnError`: leave out `requeueOnError`, which is nameko's name for "
                    + "onFailure: .requeue"
            )
        }
        let byDefault = queue.outlivesItsConsumers ? FailurePolicy.default : .discard
        let policy = self.requeueOnError ? .requeue : self.onFailure ?? byDefault
        try policy.validate(for: handler, queue)
        guard let killSwitch = policy.killSwitch else { return policy }
        guard let timeout = self.limits.timeout else {
            throw ConfigurationError(
                "\(handler) pauses when its calls fail, and then tries one: without a `timeout:` of its own a call that never ends would "
                    + "keep it waiting for long. Give it one"
            )
        }
        let most = [settings.maxWorkers, settings.effectivePrefetch, self.limits.concurrency ?? .max]
        if let defect = killSwitch.defect(timeout: timeout, concurrency: most.min() ?? 1) {
            throw ConfigurationError("\(handler) has \(defect)")
        }
        return policy
    }

    private func sharing(in container: ServiceContainer, _ handler: String) throws -> EventTopology.Sharing {
        switch self.mode {
        case .servicePool: return .servicePool
        case .singleton: return .singleton
        case .broadcast(let identifier):
            let text: String? =
                switch identifier {
                case .process: container.identifier
                case .hostname: hostname()
                case .configuration(let key): container.process.config.string(forKey: .init(key))
                case .fixed(let text): text
                }
            guard let text, !text.isEmpty else {
                let place =
                    if case .configuration(let key) = identifier { "the configuration's '\(key)'" } else { "it" }
                throw ConfigurationError("\(handler): its broadcast identifier is missing or empty: set \(place)")
            }
            return .broadcast(identifier: text)
        }
    }

    package func message(_ arguments: RequestEnvelope, headers: Headers, _ codecs: Codecs) throws -> Message {
        guard arguments.args.count <= 1, arguments.hasNoKeywords else {
            throw IncorrectSignature("\(self.name)() takes the event as its one argument, without a name")
        }
        guard let event = arguments.args.first else { return try codecs.preferred.message(NoReply(), headers: headers) }
        return try codecs.preferred.message(event, headers: headers)
    }

    package func method(for event: Message, _ codecs: Codecs) throws -> @Sendable () async throws -> any Sendable {
        let event = try self.decode(event, codecs)
        return {
            try await event.method()
            return NoReply()
        }
    }

    /// Whether `error` is part of normal work.
    package func expects(_ error: any Error) -> Bool { self.expectedErrors.contains { Swift.type(of: error) == $0 } }
}
