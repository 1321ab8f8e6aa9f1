import Enoki

/// Answers requests with stubs, and remembers them; others go on to the broker, if there is one.
final class StubbedRequests: Sendable {
    private struct Request: Sendable {
        let service: String
        let method: String
        let message: Message
    }

    let codecs: Codecs
    private let stubs: [RPCStub]
    private let requests = Locked<[Request]>([])

    init(_ stubs: [RPCStub], codecs: Codecs) {
        self.stubs = stubs
        self.codecs = codecs
    }

    /// The requests of a contract that were answered, in order.
    func requests<Contract: RPCRequest>(_ contract: Contract.Type) throws -> [Contract] {
        try self.messages(Contract.service, Contract.method).map { try RecordedCall.request(in: $0, self.codecs) }
    }

    /// The arguments of the calls of a method that were answered, in order.
    func arguments(_ service: String, _ method: String) -> [CallArguments] {
        self.messages(service, method).map { CallArguments($0, self.codecs) }
    }

    private func messages(_ service: String, _ method: String) -> [Message] {
        self.requests.withLock { $0 }
            .filter { $0.service.hasSameBytes(as: service) && $0.method.hasSameBytes(as: method) }
            .map(\.message)
    }

    /// The reply to `request`; `nil` when there is no stub for it.
    fileprivate func reply(to request: Message, _ service: String, _ method: String) async throws -> Message? {
        let stub = self.stubs.last { $0.service.hasSameBytes(as: service) && $0.method.hasSameBytes(as: method) }
        guard let stub else { return nil }
        self.requests.withLock { $0.append(Request(service: service, method: method, message: request)) }
        do {
            let reply = SuccessEnvelope(result: try await stub.answer(request, self.codecs))
            return try self.codecs.preferred.message(reply, headers: [:])
        } catch {
            return try self.codecs.preferred.message(FailureEnvelope(error: RemoteErrorBody(error)), headers: [:])
        }
    }
}

/// Sends requests to stubs first.
struct StubbingSender: RequestSender {
    let stubbed: StubbedRequests
    /// What sends the others; `nil` where there is no broker.
    let others: (any RequestSender)?

    func start() async throws { try await self.others?.start() }

    func call(_ request: Message, service: String, method: String, timeout: Duration) async throws -> Message {
        if let reply = try await self.stubbed.reply(to: request, service, method) { return reply }
        guard let others else { throw UnstubbedCall(service: service, method: method) }
        return try await others.call(request, service: service, method: method, timeout: timeout)
    }

    func close() async { await self.others?.close() }
}
