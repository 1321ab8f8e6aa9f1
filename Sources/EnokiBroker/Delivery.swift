import Synchronization

/// A message as a consumer gets it, with the token that settles it.
public struct Delivery: Sendable {
    /// The message.
    public let message: Message
    /// The exchange it was published to; empty for the default exchange.
    public let exchange: String
    /// The routing key it was published with.
    public let routingKey: String
    /// Whether the broker may have delivered it before: true after a requeue or a lost connection.
    public let redelivered: Bool
    /// What must be settled, once, when the outcome of the delivery is durable.
    public let token: DeliveryToken

    /// A delivery, made by a transport.
    public init(message: Message, exchange: String, routingKey: String, redelivered: Bool, token: DeliveryToken) {
        self.message = message
        self.exchange = exchange
        self.routingKey = routingKey
        self.redelivered = redelivered
        self.token = token
    }
}

/// What a consumer answers to a delivery.
public enum Acknowledgement: Sendable, Hashable {
    /// `basic.ack`: it is done, the broker forgets it.
    case ack
    /// `basic.nack` with requeue: the broker puts it back at its place and delivers it again, at once, and does not count that as a
    /// failure.
    case requeue
    /// `basic.reject` without requeue: the broker dead-letters it, or drops it where the queue has no dead-letter exchange.
    case reject
}

/// The one-shot right to settle a delivery.
///
/// The first ``settle(_:)`` counts, every later one does nothing. A token of a connection or a channel that is gone
/// settles nothing either: the broker has taken the message back and will deliver it again.
public final class DeliveryToken: Sendable {
    private let answer: @Sendable (Acknowledgement) -> Void
    private let isSettled = Atomic(false)
    private let readLoss: @Sendable () -> Loss?
    private let callWhenHeldAgain: @Sendable (@escaping @Sendable () -> Void) -> Void

    /// A token that calls `settle` once. `settle` must not block.
    public convenience init(_ settle: @escaping @Sendable (Acknowledgement) -> Void) {
        self.init(loss: { nil }, settle)
    }

    /// A token that calls `settle` once.
    ///
    /// - Parameters:
    ///   - loss: What has taken the right to settle; `nil` while the channel of the delivery is open. It must not block.
    ///   - whenHeldAgain: Keeps what is to be called should the message be delivered again, on an open channel, in place of
    ///     a delivery whose channel is gone. Most tokens end with their channel, and drop it.
    package init(
        loss: @escaping @Sendable () -> Loss?,
        whenHeldAgain: @escaping @Sendable (@escaping @Sendable () -> Void) -> Void = { _ in },
        _ settle: @escaping @Sendable (Acknowledgement) -> Void
    ) {
        self.readLoss = loss
        self.callWhenHeldAgain = whenHeldAgain
        self.answer = settle
    }

    /// What takes the right to settle a delivery.
    package enum Loss: Sendable, Hashable {
        /// Its channel was closed: the broker has the message again.
        case returned
        /// The connection was lost, or the queue: the broker may not have the message any more.
        case uncertain
    }

    /// What has taken the right to settle; `nil` while the broker takes an answer. It may be gone by the time that this is read.
    package var loss: Loss? { self.readLoss() }

    /// Whether the broker takes an answer still.
    package var isHeld: Bool { self.loss == nil }

    /// Whether it is held; if not, `action` is called once should it be held again.
    package func isHeld(orCallLater action: @escaping @Sendable () -> Void) -> Bool {
        if self.isHeld { return true }
        self.callWhenHeldAgain(action)
        return false
    }

    /// Answers the delivery; answers are sent in order, without waiting for the broker.
    ///
    /// - Returns: Whether this call was the one that settled it.
    @discardableResult
    public func settle(_ acknowledgement: Acknowledgement) -> Bool {
        guard !self.isSettled.exchange(true, ordering: .acquiringAndReleasing) else { return false }
        self.answer(acknowledgement)
        return true
    }

    deinit {
        // A delivery that nobody can settle any more would stay unacknowledged, and hold its place in the prefetch
        // window, for as long as the connection lives. It goes back to its queue.
        self.settle(.requeue)
    }
}
