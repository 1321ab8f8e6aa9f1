/// The reply cannot come any more: the connection was lost, and when it was there again the queue for replies was not, with
/// whatever was in it. The method may have run, may be running, or may never run.
///
/// It happens when the broker was away for longer than the queue lives without a consumer (five minutes), when the broker
/// came back without its disk, or when somebody has deleted the queue. Calls made afterwards get their replies by a new one.
public struct ReplyQueueLost: Error, Sendable, Hashable, CustomStringConvertible {
    /// The service that was called.
    public let service: String
    /// The method that was called.
    public let method: String

    /// The reply of `method` is lost.
    public init(service: String, method: String) {
        self.service = service
        self.method = method
    }

    /// What was called, and what to do.
    public var description: String {
        "the reply of \(self.service).\(self.method) is lost: the queue for replies was gone when the connection came back. "
            + "The method may have run: call again if that does no harm"
    }
}
