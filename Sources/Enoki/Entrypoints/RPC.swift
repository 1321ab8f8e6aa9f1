/// An RPC method: callers send a request to the service's queue and wait for the reply.
///
/// ```swift
/// RPC("place", "customer", "items", method: place)    // func place(customer: String, items: [Item]) -> Order
/// RPC(charge)                                         // func charge(_: Charge) -> Receipt, by contract
/// ```
///
/// A request is acknowledged when the broker has confirmed its reply. Whatever is wrong with a request, its caller is told. With
/// a ``FailurePolicy`` that retries, a call that fails is answered when no attempt is left, or none fits into the caller's time.
public struct RPC: Entrypoint, DirectlyCallable {
    /// The name of the method on the wire.
    public let name: String

    private(set) var signature: MethodSignature
    private let service: String?
    private let parameterCount: Int?
    let onFailure: FailurePolicy
    let limits: CallLimits
    private let expectedErrors: [any Error.Type]

    // `@concurrent` below says what is the case anyway, a worker is on no actor. Without it Swift 6.3 crashes on a closure
    // for a function of a parameter pack, in modules that use NonisolatedNonsendingByDefault.

    /// A method with named parameters.
    ///
    /// Callers give arguments by position or by name, with Python's rules. A parameter of an optional type may be left out.
    ///
    /// - Parameters:
    ///   - name: The name of the method on the wire.
    ///   - parameters: The names of the parameters on the wire, in order.
    ///   - onFailure: What becomes of a request whose call fails. By default its caller gets the error, and that is all
    ///     (``FailurePolicy/discard``). The caller gets it, too, when the final step of another policy is taken; requeueing is
    ///     refused.
    ///   - timeout: How long a call may take; it is cancelled then, and has failed with ``HandlerTimeout``. `nil` is
    ///     ``ServiceSettings/handlerTimeout``, 10 minutes.
    ///   - concurrency: How many calls of the method a container works on at once; `nil` is as many as it has workers. Those that
    ///     wait take no worker, but a place in the prefetch of all methods.
    ///   - expectedErrors: Errors that are part of normal work: logged as a warning instead of as an error.
    ///   - sensitiveArguments: Paths to what no error text of Enoki's shows of the arguments, such as `card.number` or
    ///     `items[0].note`; nameko's `sensitive_arguments`.
    ///   - method: The method. The parameters of a closure need their types written out.
    public init<each Parameter: Decodable & Sendable, Result: Encodable & Sendable>(
        _ name: String,
        _ parameters: String...,
        onFailure: FailurePolicy = .discard,
        timeout: Duration? = nil,
        concurrency: Int? = nil,
        expecting expectedErrors: [any Error.Type] = [],
        sensitiveArguments: [String] = [],
        method: @escaping @Sendable @concurrent (repeat each Parameter) async throws -> Result
    ) {
        self.init(
            name,
            parameters: parameters,
            onFailure: onFailure,
            timeout: timeout,
            concurrency: concurrency,
            expecting: expectedErrors,
            sensitiveArguments: sensitiveArguments,
            method: method
        )
    }

    package init<each Parameter: Decodable & Sendable, Result: Encodable & Sendable>(
        _ name: String,
        parameters: [String],
        onFailure: FailurePolicy = .discard,
        timeout: Duration? = nil,
        concurrency: Int? = nil,
        expecting expectedErrors: [any Error.Type] = [],
        sensitiveArguments: [String] = [],
        method: @escaping @Sendable @concurrent (repeat each Parameter) async throws -> Result
    ) {
        self.init(
            name,
            parameters,
            onFailure,
            CallLimits(timeout: timeout, concurrency: concurrency),
            expectedErrors,
            Self.count(repeat (each Parameter).self)
        ) { reader, _ in
            let arguments = (repeat try reader.read((each Parameter).self))
            try reader.finish()
            return { try await method(repeat each arguments) }
        }
        self.signature.sensitive = SensitiveArguments(sensitiveArguments)
    }

    /// A method with named parameters that returns nothing.
    public init<each Parameter: Decodable & Sendable>(
        _ name: String,
        _ parameters: String...,
        onFailure: FailurePolicy = .discard,
        timeout: Duration? = nil,
        concurrency: Int? = nil,
        expecting expectedErrors: [any Error.Type] = [],
        sensitiveArguments: [String] = [],
        method: @escaping @Sendable @concurrent (repeat each Parameter) async throws -> Void
    ) {
        self.init(
            name,
            parameters: parameters,
            onFailure: onFailure,
            timeout: timeout,
            concurrency: concurrency,
            expecting: expectedErrors,
            sensitiveArguments: sensitiveArguments,
            method: method
        )
    }

    package init<each Parameter: Decodable & Sendable>(
        _ name: String,
        parameters: [String],
        onFailure: FailurePolicy = .discard,
        timeout: Duration? = nil,
        concurrency: Int? = nil,
        expecting expectedErrors: [any Error.Type] = [],
        sensitiveArguments: [String] = [],
        method: @escaping @Sendable @concurrent (repeat each Parameter) async throws -> Void
    ) {
        self.init(
            name,
            parameters,
            onFailure,
            CallLimits(timeout: timeout, concurrency: concurrency),
            expectedErrors,
            Self.count(repeat (each Parameter).self)
        ) { reader, _ in
            let arguments = (repeat try reader.read((each Parameter).self))
            try reader.finish()
            return {
                try await method(repeat each arguments)
                return NoReply()
            }
        }
        self.signature.sensitive = SensitiveArguments(sensitiveArguments)
    }

    /// The method that `Request` is the contract of.
    ///
    /// - Parameters:
    ///   - onFailure: What becomes of a request whose call fails, as for a method with named parameters.
    ///   - timeout: How long a call may take, likewise.
    ///   - concurrency: How many calls a container works on at once, likewise.
    ///   - expectedErrors: Errors that are part of normal work, beside those that the contract names.
    ///   - sensitiveArguments: Paths to what no error text of Enoki's shows of the arguments.
    ///   - method: The method.
    public init<Request: RPCRequest>(
        onFailure: FailurePolicy = .discard,
        timeout: Duration? = nil,
        concurrency: Int? = nil,
        expecting expectedErrors: [any Error.Type] = [],
        sensitiveArguments: [String] = [],
        _ method: @escaping @Sendable (Request) async throws -> Request.Reply
    ) {
        let limits = CallLimits(timeout: timeout, concurrency: concurrency)
        self.init(contract: Request.self, onFailure, limits, expectedErrors, method)
        self.signature.sensitive = SensitiveArguments(sensitiveArguments)
    }

    /// The method that `Request` is the contract of, where that returns nothing.
    public init<Request: RPCRequest>(
        onFailure: FailurePolicy = .discard,
        timeout: Duration? = nil,
        concurrency: Int? = nil,
        expecting expectedErrors: [any Error.Type] = [],
        sensitiveArguments: [String] = [],
        _ method: @escaping @Sendable (Request) async throws -> Void
    ) where Request.Reply == NoReply {
        let limits = CallLimits(timeout: timeout, concurrency: concurrency)
        self.init(contract: Request.self, onFailure, limits, expectedErrors) { request in
            try await method(request)
            return NoReply()
        }
        self.signature.sensitive = SensitiveArguments(sensitiveArguments)
    }

    private init(
        _ name: String,
        _ parameters: [String],
        _ onFailure: FailurePolicy,
        _ limits: CallLimits,
        _ expectedErrors: [any Error.Type],
        _ parameterCount: Int,
        bind: @escaping MethodSignature.Bind
    ) {
        self.name = name
        self.service = nil
        self.parameterCount = parameterCount
        self.onFailure = onFailure
        self.limits = limits
        self.expectedErrors = expectedErrors
        self.signature = MethodSignature(method: name, parameters: parameters, bind: bind)
    }

    private init<Request: RPCRequest>(
        contract: Request.Type,
        _ onFailure: FailurePolicy,
        _ limits: CallLimits,
        _ expectedErrors: [any Error.Type],
        _ method: @escaping @Sendable (Request) async throws -> Request.Reply
    ) {
        self.name = Request.method
        self.service = Request.service
        self.parameterCount = nil
        self.onFailure = onFailure
        self.limits = limits
        self.expectedErrors = expectedErrors + Request.errors
        self.signature = MethodSignature(method: Request.method, parameters: Request.parameters) { reader, decoder in
            let request = try reader.readAll(Request.self, from: decoder)
            if !Request.parameters.isEmpty { try reader.finish() }
            return { try await method(request) }
        }
    }

    private static func count<each Parameter>(_ types: repeat (each Parameter).Type) -> Int {
        var count = 0
        for _ in repeat each types { count += 1 }
        return count
    }

    /// Adds the method to those of the service's one RPC queue.
    public func bind(to container: ServiceContainer) throws -> any BoundEntrypoint {
        if let service = self.service, !service.hasSameBytes(as: container.name) {
            throw ConfigurationError(
                "RPC method '\(self.name)' of service '\(container.name)' has a contract of service '\(service)': register "
                    + "it there, or correct the contract's `service`"
            )
        }
        guard !self.name.contains(".") else {
            throw ConfigurationError(
                "RPC method '\(self.name)' of service '\(container.name)' has a dot in its name, and the queue is bound to "
                    + "'\(container.name).*', where a dot ends the word: no request would arrive"
            )
        }
        if let count = self.parameterCount, count != self.signature.parameters.count {
            throw ConfigurationError(
                "RPC method '\(self.name)' of service '\(container.name)' has \(count) parameters and "
                    + "\(self.signature.parameters.count) names (\(self.signature.parameters.joined(separator: ", "))): name each "
                    + "parameter"
            )
        }
        let names = self.signature.parameters
        if let twice = names.indices.first(where: { names[..<$0].contains(where: names[$0].hasSameBytes) }) {
            throw ConfigurationError(
                "RPC method '\(self.name)' of service '\(container.name)' names two parameters '\(names[twice])': give each "
                    + "its own name"
            )
        }
        try self.validateFailures(in: container)
        try self.signature.sensitive.validate(of: "RPC method '\(self.name)' of service '\(container.name)'")
        let consumer = container.shared { RPCConsumer(container) }
        consumer.register(self)
        return BoundRPC(method: self, container: container)
    }

    private func validateFailures(in container: ServiceContainer) throws(ConfigurationError) {
        let method = "RPC method '\(self.name)' of service '\(container.name)'"
        try self.limits.validate(for: method)
        guard self.onFailure.finalStep != .requeue else {
            throw ConfigurationError(
                "\(method) is to requeue requests that fail: they would be called again and again while their caller waits. Use "
                    + "onFailure: .retry(upTo:), or leave it out"
            )
        }
        guard self.onFailure.killSwitch == nil else {
            throw ConfigurationError(
                "\(method) has a kill switch (`pausing`), which is for event handlers: its callers would wait while it pauses, and "
                    + "each is told its error without one. Leave out `pausing`"
            )
        }
        try self.onFailure.validate(for: method, RPCTopology.serviceQueue(container.name))
    }

    package func message(_ arguments: RequestEnvelope, headers: Headers, _ codecs: Codecs) throws -> Message {
        try codecs.preferred.message(arguments, headers: headers)
    }

    package func method(for request: Message, _ codecs: Codecs) throws -> @Sendable () async throws -> any Sendable {
        let codec = try codecs.codec(for: request)
        do {
            return try self.signature.call(request.body, codec)
        } catch let error as DecodingError {
            // What the peer must know as a bad request becomes one.
            throw MalformedRequest(error.explanation(at: []))
        }
    }

    /// Whether `error` is part of normal work.
    package func expects(_ error: any Error) -> Bool { self.expectedErrors.contains { type(of: error) == $0 } }
}

/// The share of one method in the service's ``RPCConsumer``, which does the work.
private struct BoundRPC: BoundEntrypoint {
    let method: RPC
    let container: ServiceContainer

    var summary: EntrypointSummary {
        let handling = Handling(
            queue: RPCTopology.serviceQueue(self.container.name),
            policy: self.method.onFailure,
            limits: self.method.limits,
            deliveryLimit: self.container.process.settings.deliveryLimit,
            answers: true
        )
        return EntrypointSummary(
            kind: "RPC",
            name: self.method.name,
            trigger: RPCTopology.routingKey(service: self.container.name, method: self.method.name),
            topology: RPCTopology.requests(to: self.container.name, self.container.process.settings)
        ).with(handling)
    }

    func start() async throws {}
    func stop() async {}
}
