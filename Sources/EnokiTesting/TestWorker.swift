public import Enoki

/// What a test sees of a service that works without a broker; see ``withWorker(_:replacing:stubbing:settings:config:contextData:predictableCallIDs:logger:_:)``.
public final class TestWorker: Sendable {
    /// The context that the body of the test runs in.
    public let context: WorkerContext

    private let broker: WorkerBroker
    private let stubbed: StubbedRequests

    init(context: WorkerContext, broker: WorkerBroker, stubbed: StubbedRequests) {
        self.context = context
        self.broker = broker
        self.stubbed = stubbed
    }

    /// All events that were dispatched so far, in order.
    public var dispatches: [RecordedDispatch] {
        self.broker.published.map { published in
            // What a worker publishes goes to the exchange of its events, `<service>.events`.
            let source = published.exchange.split(separator: ".").dropLast().joined(separator: ".")
            return RecordedDispatch(
                source: source,
                type: published.routingKey,
                message: published.message,
                codecs: self.stubbed.codecs
            )
        }
    }

    /// The events of a contract that were dispatched so far, in order.
    ///
    /// - Throws: `DecodingError` for an event of that type that is not one of the contract.
    public func dispatched<Contract: Event>(_ contract: Contract.Type) throws -> [Contract] {
        try self.dispatches
            .filter { $0.source.hasSameBytes(as: Contract.source) && $0.type.hasSameBytes(as: Contract.type) }
            .map { try $0.event() }
    }

    /// The events of type `type` that were dispatched so far, in order.
    ///
    /// - Throws: `DecodingError` for one that is no `Payload`.
    public func dispatched<Payload: Decodable>(
        _ type: String,
        as payload: Payload.Type = JSONValue.self
    ) throws -> [Payload] {
        try self.dispatches.filter { $0.type.hasSameBytes(as: type) }.map { try $0.event() }
    }

    /// The requests of a contract that stubs have answered so far, in order.
    ///
    /// - Throws: `DecodingError` for a call that is not one of the contract.
    public func called<Contract: RPCRequest>(_ contract: Contract.Type) throws -> [Contract] {
        try self.stubbed.requests(contract)
    }

    /// The arguments of the calls of `method` of `service` that stubs have answered so far, in order.
    public func called(_ service: String, _ method: String) -> [CallArguments] {
        self.stubbed.arguments(service, method)
    }
}
