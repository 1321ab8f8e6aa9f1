/// Where the copy of a failed message goes.
enum CopyTarget: Sendable, Hashable {
    /// To the end of the queue that it came from.
    case queue(ByteName)
    /// To the end of the queue that it came from, by the exchange through which messages get there at first.
    case entrance(ByteName)
    /// To wait on the broker, and then to go back to a queue.
    case waiting(Duration, backTo: ByteName)
    /// To the dead letters of a queue.
    case deadLetters(ByteName)

    /// The exchange that the copy is published to.
    var exchange: String {
        switch self {
        case .queue, .deadLetters: Exchange.defaultName
        case .entrance(let exchange): exchange.string
        case .waiting(let step, _): RetryTopology.waitingName(step)
        }
    }

    /// What must exist for it; nothing for a queue that is consumed, which exists with all that it was declared with.
    var topology: Topology {
        switch self {
        case .queue, .entrance: Topology()
        case .waiting(let step, let queue): RetryTopology.waiting(step).merging(RetryTopology.wayBack(to: queue.string))
        case .deadLetters(let queue): RetryTopology.deadLetters(of: queue.string)
        }
    }

    /// Whether it is declared before the first copy.
    var isDeclaredFirst: Bool {
        switch self {
        case .queue, .entrance: false
        case .waiting, .deadLetters: true
        }
    }

    /// Whether it may be used although `error` came of declaring it: a queue of dead letters that an operator has made, with
    /// arguments of their own or out of our rights, is as good as ours. One in which messages wait is not: they come back
    /// only by its arguments.
    func isUsable(despite error: BrokerError) -> Bool {
        guard case .deadLetters = self else { return false }
        return error.code == .preconditionFailed || error.code == .accessRefused
    }
}

extension CopyTarget: CustomStringConvertible {
    /// The exchange or the queue.
    var description: String {
        switch self {
        case .queue(let queue): "queue '\(queue)'"
        case .entrance(let exchange): "exchange '\(exchange)'"
        case .waiting(let step, _): "exchange '\(RetryTopology.waitingName(step))'"
        case .deadLetters(let queue): "queue '\(RetryTopology.deadLetterQueue(of: queue.string))'"
        }
    }
}
