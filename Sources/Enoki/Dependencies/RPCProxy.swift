/// Calls the RPC methods of one service.
///
/// ```swift
/// let payments = RPCProxy("payments")
///
/// let receipt = try await payments(Charge(order: 7, amount: 12))     // by contract
/// let level: Int = try await stock.level(sku: "tea")                 // by name, as in nameko
/// async let a: Int = stock.level(sku: "tea")                         // both at once
/// async let b: Int = stock.level(sku: "milk")
/// ```
///
/// Every call ends: with the result, with the method's error, with ``RPCTimeout``, or with ``ReplyQueueLost``. Any number of
/// calls may be made at once; all share the process's reply queue.
@dynamicMemberLookup
public final class RPCProxy: DependencyProvider {
    /// The name of the service that is called.
    public let service: String

    private let timeout: Duration?
    private let errors: [any RemoteException.Type]
    private let client: Locked<RPCClient?>

    /// A proxy for `service`.
    ///
    /// - Parameters:
    ///   - service: The name of the service that is called.
    ///   - timeout: How long each call may take; `nil` is the process's ``ServiceSettings/rpcTimeout``.
    ///   - errors: Errors that calls by name may throw as what they are; others are ``RemoteError``.
    public init(_ service: String, timeout: Duration? = nil, errors: [any RemoteException.Type] = []) {
        self.service = service
        self.timeout = timeout
        self.errors = errors
        self.client = Locked(nil)
    }

    /// A proxy that is bound already, outside of a container.
    init(_ service: String, timeout: Duration?, errors: [any RemoteException.Type], client: RPCClient?) {
        self.service = service
        self.timeout = timeout
        self.errors = errors
        self.client = Locked(client)
    }

    /// Binds the proxy to the process's reply queue.
    public func setup(_ container: ServiceContainer) async throws {
        self.client.withLock { $0 = container.process.rpc }
        try await container.untilAnswered { try await container.process.rpc.sender.start() }
    }

    /// Calls the method that `request` is the contract of.
    ///
    /// - Parameters:
    ///   - request: The request, with the arguments as its fields.
    ///   - timeout: How long the call may take; `nil` is the proxy's own.
    /// - Throws: ``UnknownService``, ``RPCTimeout``, ``ReplyQueueLost``, an error of the contract's ``RPCRequest/errors``,
    ///   ``RemoteError``, ``MethodNotFound``, ``IncorrectSignature``; `EncodingError`, `DecodingError`,
    ///   ``UnreadableMessage``; `BrokerError` when it was not sent; `CancellationError`.
    public func callAsFunction<Request: RPCRequest>(
        _ request: Request,
        timeout: Duration? = nil
    ) async throws -> Request.Reply {
        guard Request.service.hasSameBytes(as: self.service) else {
            throw ConfigurationError(
                "\(Request.self) is a request to '\(Request.service)', this proxy calls '\(self.service)': "
                    + "use RPCProxy(\"\(Request.service)\")"
            )
        }
        return try await self.bound.call(
            self.service,
            Request.method,
            RequestEnvelope(kwargs: request),
            timeout: timeout ?? self.timeout,
            errors: Request.errors + self.errors
        )
    }

    /// The remote method of that name.
    public subscript(dynamicMember method: String) -> RemoteMethod { self[method] }

    /// The remote method of that name, for names that a proxy has itself, such as `start`.
    public subscript(method: String) -> RemoteMethod { RemoteMethod(proxy: self, name: method) }

    func call<Result: Decodable>(_ method: String, _ request: RequestEnvelope) async throws -> Result {
        try await self.bound.call(self.service, method, request, timeout: self.timeout, errors: self.errors)
    }

    /// The same proxy with another timeout, for single calls: `try await stock.timeout(.seconds(2)).level(sku: "tea")`.
    public func timeout(_ timeout: Duration) -> RPCProxy {
        RPCProxy(self.service, timeout: timeout, errors: self.errors, client: self.client.withLock { $0 })
    }

    private var bound: RPCClient {
        get throws {
            guard let client = self.client.withLock({ $0 }) else {
                throw ConfigurationError(
                    "RPCProxy(\"\(self.service)\") belongs to no running container: make it a stored property of a "
                        + "service, or list it in the service's `dependencies`"
                )
            }
            return client
        }
    }
}

/// A method of another service, called like a function; named arguments travel by name, others by position.
@dynamicCallable
public struct RemoteMethod: Sendable {
    let proxy: RPCProxy
    let name: String

    /// Calls the method and returns its result. Throws as ``RPCProxy/callAsFunction(_:timeout:)`` does.
    public func dynamicallyCall<Result: Decodable>(
        withKeywordArguments arguments: KeyValuePairs<String, any Encodable & Sendable>
    ) async throws -> Result {
        try await self.proxy.call(self.name, Self.envelope(arguments))
    }

    /// Calls the method and ignores its result. Throws as ``RPCProxy/callAsFunction(_:timeout:)`` does.
    public func dynamicallyCall(
        withKeywordArguments arguments: KeyValuePairs<String, any Encodable & Sendable>
    ) async throws {
        let _: NoReply = try await self.proxy.call(self.name, Self.envelope(arguments))
    }

    package static func envelope(_ arguments: KeyValuePairs<String, any Encodable & Sendable>) -> RequestEnvelope {
        RequestEnvelope(
            args: arguments.filter { $0.key.isEmpty }.map(\.value),
            kwargs: KeywordArguments(values: arguments.filter { !$0.key.isEmpty }.map { ($0.key, $0.value) })
        )
    }
}
