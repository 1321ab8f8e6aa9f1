import CRabbitMQ
import DequeModule
import EnokiBroker

/// A method that waits for the broker's answer.
struct Call: Sendable {
    let method: Method
    let deadline: ContinuousClock.Instant
    /// Told once; `nil` when the caller has given up.
    var complete: (@Sendable (Result<IncomingMethod.Reply, BrokerError>) -> Void)?
    /// Whether, since it was sent, an answer came that went to a call whose caller had given up, and none since for a call
    /// that was still waited for.
    var isBehindLateAnswer = false

    init(
        method: Method,
        deadline: ContinuousClock.Instant,
        complete: @escaping @Sendable (Result<IncomingMethod.Reply, BrokerError>) -> Void
    ) {
        self.method = method
        self.deadline = deadline
        self.complete = complete
    }
}

/// The calls of one channel: the broker answers them in the order in which they were sent.
struct CallQueue {
    private var calls: Deque<Call> = []
    /// Whether the last answer was one that nobody waited for any more.
    private var isAfterLateAnswer = false

    var isEmpty: Bool { self.calls.isEmpty }

    mutating func append(_ call: Call) { self.calls.append(call) }

    /// The call that the answer `id` belongs to; `nil` when the broker answers what was not asked.
    mutating func answer(_ id: amqp_method_number_t) -> Call? {
        guard let first = self.calls.first, first.method.reply == id else { return nil }
        let isLate = first.complete == nil
        if isLate || self.isAfterLateAnswer {
            for index in self.calls.indices { self.calls[index].isBehindLateAnswer = isLate }
        }
        self.isAfterLateAnswer = isLate
        return self.calls.removeFirst()
    }

    /// Takes all calls out.
    mutating func removeAll() -> [Call] {
        if self.calls.isEmpty { return [] }
        defer { self.calls = [] }
        return Array(self.calls)
    }

    /// Takes all calls out but a `channel.close`, which the broker answers even when it closes the channel itself.
    mutating func removeAllButClose() -> [Call] {
        var calls = self.removeAll()
        if let last = calls.last, case .channelClose = last.method { self.append(calls.removeLast()) }
        return calls
    }

    /// Takes all calls out before a `channel.close`, which has been answered; none where no channel is to be closed.
    ///
    /// RabbitMQ leaves `basic.consume` and `basic.cancel` without an answer when the close comes before the queue has told the
    /// channel what to answer (`rabbit_channel.erl`: `consume_ok` is a message of the queue's process, behind the close).
    mutating func removeAllBeforeClose() -> [Call] {
        guard case .channelClose = self.calls.last?.method else { return [] }
        let unanswered = Array(self.calls.dropLast())
        self.calls.removeFirst(unanswered.count)
        return unanswered
    }

    /// Takes the callers out whose time is up. Their places stay, so that later answers find theirs.
    ///
    /// A broker that leaves one call without an answer is out of step with us: the answer of each later call goes to the one
    /// before it, and none ends in time. That is so, as far as can be known, when a call ends without an answer right after
    /// one came for a call that had ended so. A broker that was merely slow for a while answers the next ones in time.
    mutating func expire(
        at now: ContinuousClock.Instant
    ) -> (expired: [Call], next: ContinuousClock.Instant?) {
        var expired: [Call] = []
        var next: ContinuousClock.Instant?
        for index in self.calls.indices where self.calls[index].complete != nil {
            let deadline = self.calls[index].deadline
            if deadline <= now {
                expired.append(self.calls[index])
                self.calls[index].complete = nil
            } else {
                next = min(next ?? deadline, deadline)
            }
        }
        return (expired, next)
    }
}
