/// How the messages of an entrypoint's queue are handled, as far as it is known before the first one: for people who list
/// what a program does and declares.
struct Handling {
    let queue: Queue
    let policy: FailurePolicy
    var limits = CallLimits()
    var idempotency: IdempotencyPlan?
    /// How often a message may come back unsettled; 0 is any number.
    let deliveryLimit: Int
    /// Whether somebody waits for an answer.
    var answers = false

    /// Policy, timeout, concurrency and guard, on one line.
    var text: String {
        let guarded = self.idempotency.map { plan in
            let place =
                switch plan.place {
                case .memory: "memory"
                case .store(let store): "\(type(of: store))"
                }
            return "idempotent for \(plan.window.inUnits), in \(place)"
        }
        let parts = [self.policy.text(answers: self.answers)] + self.limits.texts
        return (parts + [guarded, self.policy.killSwitch?.text].compactMap { $0 }).joined(separator: "; ")
    }

    /// What is declared at start beside the queue. What is in work elsewhere waits on the broker as what is tried again does.
    var retryTopology: Topology {
        let waits = self.policy.canRetry || self.idempotency != nil
        return waits ? RetryTopology.wayBack(to: self.queue.name) : Topology()
    }

    /// What is declared when a message needs it. Which delays `Retry(after:)` and claims of others bring nobody knows before.
    var laterTopology: Topology {
        let steps = self.steps
        var topology = steps.isEmpty ? Topology() : RetryTopology.wayBack(to: self.queue.name)
        for step in steps {
            let (name, waiting) = (RetryTopology.waitingName(step), RetryTopology.waiting(step))
            // The way back is the same for all.
            topology.exchanges += waiting.exchanges.filter { $0.name == name }
            topology.queues += waiting.queues.filter { $0.name == name }
            topology.bindings += waiting.bindings.filter { $0.source == name }
        }
        if self.queue.outlivesItsConsumers, self.policy.finalStep != .discard {
            topology.merge(RetryTopology.deadLetters(of: self.queue.name))
        }
        return topology
    }

    /// How long messages wait that failed, or came back from processes that may have died of them.
    private var steps: [Duration] {
        Set(self.policy.steps + self.stepsOfReturns).filter { $0 > .zero }.sorted()
    }

    private var stepsOfReturns: [Duration] {
        guard self.queue.outlivesItsConsumers, self.policy.finalStep != .requeue else { return [] }
        return DeliveryLimit(self.deliveryLimit)?.steps ?? []
    }
}

extension EntrypointSummary {
    /// The summary with what is to be said of `handling`.
    func with(_ handling: Handling) -> EntrypointSummary {
        var summary = self
        summary.handling = handling.text
        summary.retryTopology = handling.retryTopology
        summary.laterTopology = handling.laterTopology
        return summary
    }
}

extension FailurePolicy {
    /// How long a message waits before each further attempt.
    fileprivate var steps: [Duration] {
        self.canRetry ? (1..<self.attempts).map { self.backoff.step(after: $0) } : []
    }

    fileprivate func text(answers: Bool) -> String {
        let last =
            switch self.finalStep {
            case .deadLetter: answers ? "error to the caller and dead letter" : "dead letter"
            case .requeue: "requeue"
            case .discard: answers ? "error to the caller" : "discard"
            }
        guard self.canRetry else { return last }
        let kinds = self.retriedKinds == [.error] ? " on errors" : self.retriedKinds == [.timeout] ? " on timeouts" : ""
        return "retry\(kinds) up to \(self.attempts) (\(self.waits)), then \(last)"
    }

    private var waits: String {
        let steps = self.steps
        guard let first = steps.first, let last = steps.last else { return "" }
        if first == last { return first == .zero ? "at once" : "after \(first.inUnits)" }
        let shown = steps.prefix(8).map(\.inUnits).joined(separator: ", ")
        return "after " + (steps.count > 8 ? "\(shown), … \(last.inUnits)" : shown)
    }
}

extension KillSwitch {
    /// When it pauses, in words.
    fileprivate var text: String {
        // Below all of them, as it is.
        let percent = max(min((self.threshold * 10_000).rounded() / 100, 99.99), 0)
        let share = percent == percent.rounded() ? "\(Int(percent))%" : "\(percent)%"
        return "pauses when over \(share) of \(self.calls) calls in \(self.window.inUnits) fail"
    }
}

extension CallLimits {
    /// The limits that there are, in words.
    var texts: [String] {
        [self.timeout.map { "timeout \($0.inUnits)" }, self.concurrency.map { "concurrency \($0)" }].compactMap { $0 }
    }
}

extension Duration {
    /// The duration in the largest unit of which it is a whole number: `250ms`, `90s`, `7d`.
    fileprivate var inUnits: String {
        let milliseconds = self.wholeMilliseconds
        let units = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)] as [(String, Int64)]
        let unit = units.first { milliseconds > 0 && milliseconds % $0.1 == 0 } ?? ("ms", 1)
        return "\(milliseconds / unit.1)\(unit.0)"
    }
}
