public import Enoki

/// An entrypoint of a running service that a test calls without a message.
///
/// The call takes the way of any other: it waits for a worker, gets a context, and the hooks of the dependency providers
/// run. It is among ``Cluster/calls``, and expectations see it.
///
/// ```swift
/// let order: Order = try await cluster.entrypoint(Orders.self, "place")(customer: "ada", items: [item])    // by name
/// let receipt = try await cluster.entrypoint(Payments.self, "charge").call(Charge(order: 7, amount: 12))   // by contract
/// try await cluster.entrypoint(Payments.self, "on_placed").call(OrderPlaced(id: 7, total: 12))             // an event
/// try await cluster.entrypoint(Orders.self, "expire_stale")()                                              // a timer
/// ```
///
/// Calls throw what the method throws; `IncorrectSignature` or `DecodingError` for arguments that do not fit;
/// ``ExpectationError`` for an entrypoint that does not exist, one that cannot be called, and when the call does not end
/// within the patience of the test.
@dynamicCallable
public struct DirectEntrypoint: Sendable {
    let target: Result<Target, ExpectationError>
    let data: Headers
    let surroundings: Expectation.Surroundings

    struct Target: Sendable {
        let container: ServiceContainer
        let entrypoint: any DirectlyCallable
        let codecs: Codecs

        var name: String { "\(self.container.name).\(self.entrypoint.name)" }
    }

    /// Calls an RPC method with the fields of its contract.
    public func call<Request: RPCRequest>(_ request: Request) async throws -> Request.Reply {
        try await self.call(RequestEnvelope(kwargs: request))
    }

    /// Calls an event handler.
    public func call(_ event: some Event) async throws {
        let _: NoReply = try await self.call(RequestEnvelope(args: [event]))
    }

    /// Calls the method and returns its result; an event is the one argument of its handler.
    public func dynamicallyCall<Value>(
        withKeywordArguments arguments: KeyValuePairs<String, any Encodable & Sendable>
    ) async throws -> Value {
        try await self.call(RemoteMethod.envelope(arguments))
    }

    /// Calls the method and ignores its result.
    public func dynamicallyCall(
        withKeywordArguments arguments: KeyValuePairs<String, any Encodable & Sendable>
    ) async throws {
        let _: any Sendable = try await self.call(RemoteMethod.envelope(arguments))
    }

    private func call<Value>(_ arguments: RequestEnvelope) async throws -> Value {
        let target = try self.target.get()
        let outcome = Locked<Outcome?>(nil)
        let hasEnded = Latch()
        try target.container.call(target.entrypoint, arguments, data: self.data) { ending in
            outcome.withLock { $0 = ending }
            hasEnded.open()
        }
        let ended = await Patience.wait(for: hasEnded, atMost: self.surroundings.patience)
        try Task.checkCancellation()
        guard ended, let outcome = outcome.withLock({ $0 }) else {
            throw ExpectationError(
                "\(target.name) was called and did not end within \(self.surroundings.patience)\n\n"
                    + (await self.surroundings.report())
            )
        }
        return try outcome.value(of: target.name, as: Value.self, target.codecs)
    }
}
