/// A service was still working when the grace period of its stop ended: its calls were cancelled, and their messages went
/// back to their queues.
public struct GracePeriodExceeded: Error, Sendable, Hashable, CustomStringConvertible {
    /// The name of the service.
    public let service: String
    /// How many calls were cancelled.
    public let calls: Int
    /// How long they had.
    public let grace: Duration

    /// Service `service` cancelled `calls` calls after `grace`.
    public init(service: String, calls: Int, grace: Duration) {
        self.service = service
        self.calls = calls
        self.grace = grace
    }

    /// The service, the number of calls and the grace period.
    public var description: String {
        "service '\(self.service)' did not stop within \(self.grace) and cancelled its calls in work (\(self.calls)); their "
            + "messages go back to their queues. The log names each; a longer `shutdown_grace` gives them more time"
    }
}
