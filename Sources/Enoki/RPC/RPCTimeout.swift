/// The reply did not come in time. The method may have run, may be running, or may never run.
public struct RPCTimeout: Error, Sendable, Hashable, CustomStringConvertible {
    /// The service that was called.
    public let service: String
    /// The method that was called.
    public let method: String
    /// How long the call was allowed to take.
    public let timeout: Duration

    /// The call of `method` got no reply within `timeout`.
    public init(service: String, method: String, timeout: Duration) {
        self.service = service
        self.method = method
        self.timeout = timeout
    }

    /// What was called, and for how long.
    public var description: String { "no reply from \(self.service).\(self.method) within \(self.timeout)" }
}
