import EnokiBroker

/// Makes calls: what every ``RPCProxy`` of a process stands on.
struct RPCClient: Sendable {
    let sender: any RequestSender
    let codecs: Codecs
    let settings: ServiceSettings
    let ids: IDSource
    /// The name in the call id of calls that no worker makes.
    let caller: String

    /// Calls `method` of `service` and returns its result.
    ///
    /// The call takes no longer than `timeout`, nor than what is left of the running worker's own deadline.
    ///
    /// - Throws: ``UnknownService``, ``RPCTimeout``, ``ReplyQueueLost``, ``RemoteError`` or one of `errors`, ``MethodNotFound``,
    ///   ``IncorrectSignature``, ``MalformedRequest``, ``CallChainExceeded``, `EncodingError`, `DecodingError`, ``UnreadableMessage``,
    ///   `BrokerError`, `CancellationError`.
    func call<Result: Decodable>(
        _ service: String,
        _ method: String,
        _ request: RequestEnvelope,
        timeout: Duration?,
        errors: [any RemoteException.Type],
        returning: Result.Type = Result.self
    ) async throws -> Result {
        let worker = WorkerContext.current
        let allowed = timeout ?? self.settings.rpcTimeout
        let timeout = worker?.deadline.map { min($0.remaining, allowed) } ?? allowed
        guard timeout > .zero else { throw RPCTimeout(service: service, method: method, timeout: .zero) }

        let context = worker?.outgoing ?? CallContext(callIDStack: [self.ids.callID(of: self.caller, "call")])
        var headers = context.headers
        headers[CallContext.timeoutHeader] = .int64(timeout.wholeMilliseconds)
        var message = try self.codecs.preferred.message(request, headers: headers)
        message.properties.expiration = timeout

        let reply = try await self.sender.call(message, service: service, method: method, timeout: timeout)
        let codec = try self.codecs.codec(for: reply)
        switch try codec.decode(ReplyEnvelope<Result>.self, from: reply.body) {
        case .success(let result): return result
        case .failure(let error): throw error.error(known: errors)
        }
    }
}
