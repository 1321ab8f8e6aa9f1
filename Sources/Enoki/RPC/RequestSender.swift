/// Sends requests and gets their replies: the part of a call that needs a broker.
package protocol RequestSender: Sendable {
    /// Prepares for replies, unless that is done.
    func start() async throws

    /// Sends `request` and returns its reply.
    ///
    /// - Throws: ``UnknownService``, ``RPCTimeout``, ``ReplyQueueLost``, `BrokerError` when the request was not sent,
    ///   `CancellationError`.
    func call(_ request: Message, service: String, method: String, timeout: Duration) async throws -> Message

    /// Takes no more replies and fails the calls that wait for one.
    func close() async
}
