/// How a queue is consumed.
public struct ConsumerOptions: Sendable, Hashable {
    /// How many deliveries may be unsettled at once; at least 1. A consumer without acknowledgements has no bound.
    public var prefetch: Int
    /// Whether this must be the queue's only consumer.
    public var exclusive: Bool
    /// Whether the broker counts a message as done when it has sent it (`no_ack`). Tokens of such deliveries do nothing.
    public var automaticAcknowledgement: Bool
    /// Among the consumers of a queue the ones of the highest priority are served first; `nil` is 0.
    public var priority: Int32?
    /// Whether messages that break a bound of the transport are delivered too, with a ``Message/defect`` in place of what
    /// was not taken. Otherwise the transport rejects them, without requeue, and logs it.
    package var takesDefective = false

    /// Options; by default a prefetch of 20, shared, with acknowledgements.
    public init(
        prefetch: Int = 20,
        exclusive: Bool = false,
        automaticAcknowledgement: Bool = false,
        priority: Int32? = nil
    ) {
        self.prefetch = prefetch
        self.exclusive = exclusive
        self.automaticAcknowledgement = automaticAcknowledgement
        self.priority = priority
    }
}

/// A consumer that a broker serves.
///
/// It outlives the connection: a transport that reconnects, or whose consumer the broker cancelled, consumes again under
/// the same object until ``cancel()``.
public protocol Consumer: Sendable {
    /// Whether the broker delivers to it now: false while the connection is away, and once it is cancelled.
    var isActive: Bool { get }

    /// Stops the deliveries and returns when none can come any more. Those that came before can still be settled.
    func cancel() async

    /// Ends the consumer: cancels it if it was not, sends every acknowledgement given so far and returns once the broker
    /// has them. Unsettled deliveries go back to the queue.
    func close() async
}
