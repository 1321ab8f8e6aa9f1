/// Gives up what a task publishes when the task is cancelled, before or after the ticket is known.
final class PublishCancellation: Sendable {
    private enum State {
        case waiting(PublishTicket?)
        case cancelled
    }

    private let state = Locked(State.waiting(nil))

    /// The message is on its way.
    func arm(_ ticket: PublishTicket) {
        let isCancelled = self.state.withLock { state in
            if case .cancelled = state { return true }
            state = .waiting(ticket)
            return false
        }
        if isCancelled { ticket.giveUp() }
    }

    /// The task is cancelled.
    func cancel() {
        let ticket = self.state.withLock { state -> PublishTicket? in
            defer { state = .cancelled }
            return if case .waiting(let ticket) = state { ticket } else { nil }
        }
        ticket?.giveUp()
    }
}

extension BrokerError {
    /// The task was cancelled, and the message is with no broker.
    package static var cancelledBeforeSending: BrokerError {
        BrokerError(.notSent, "the task was cancelled before the message was sent")
    }

    /// The task was cancelled, and the broker may have the message.
    package static var cancelledBeforeConfirm: BrokerError {
        BrokerError(.outcomeUnknown, "the task was cancelled before the broker confirmed the message")
    }
}
