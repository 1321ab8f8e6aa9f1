/// What becomes of a message whose handler failed: the one place that turns an ``Outcome`` into a settlement.
public struct FailurePolicy: Sendable, Hashable {
    private enum Failure { case discard, requeue }

    private let onFailure: Failure

    /// The message is acknowledged; the error is in the log. nameko's default.
    public static let discard = FailurePolicy(onFailure: .discard)
    /// The message goes back to its queue and is delivered again at once, without a limit. nameko's `requeue_on_error`.
    public static let requeue = FailurePolicy(onFailure: .requeue)

    /// What to do with a delivery that ended with `outcome`.
    func settlement(for outcome: Outcome) -> Settlement {
        switch outcome {
        case .succeeded: .acknowledge
        case .cancelled: .requeue
        case .failed: self.onFailure == .requeue ? .requeue : .acknowledge
        }
    }
}

/// What is done with a delivery in the end.
enum Settlement: Sendable, Hashable {
    case acknowledge
    case requeue

    /// Does it. Nothing else in this module settles a delivery.
    func apply(to delivery: Delivery) {
        switch self {
        case .acknowledge: delivery.token.settle(.ack)
        case .requeue: delivery.token.settle(.requeue)
        }
    }
}
