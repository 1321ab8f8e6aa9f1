/// Thrown by a handler whose attempt failed and should be made again after a time of its own choice.
///
/// ```swift
/// throw Retry(after: .seconds(30))
/// ```
///
/// It counts as an attempt: when the policy of the entrypoint allows no more, its final step is taken.
public struct Retry: Error, Sendable, Hashable, CustomStringConvertible {
    /// How long the message waits, on the broker.
    ///
    /// It is rounded up to two significant digits of milliseconds (1.234 s become 1.3 s), since the broker has a queue for
    /// each delay; less than zero is zero, and nine years are the most.
    public let delay: Duration
    /// Why, for the log.
    public let reason: String?

    /// Asks for another attempt `delay` from now.
    public init(after delay: Duration, reason: String? = nil) {
        self.delay = delay
        self.reason = reason
    }

    /// The delay and the reason.
    public var description: String {
        "asks for another attempt after \(self.delay)" + (self.reason.map { ": \($0)" } ?? "")
    }
}
