import EnokiBroker

/// The completions of a channel's publishes that wait for their confirms.
struct PublishConfirmations {
    typealias Call = @Sendable () -> Void

    private struct Waiting {
        let completion: @Sendable (Publish.Outcome) -> Void
        /// Ends what would have ended the wait.
        var cancelTimer: Call?

        func call(_ outcome: Publish.Outcome) -> Call {
            {
                self.cancelTimer?()
                self.completion(outcome)
            }
        }
    }

    private var waiting: [UInt64: Waiting] = [:]
    /// No publish below it waits.
    private var lowest: UInt64 = 1
    private var last: UInt64 = 0
    /// Those that came back, and will be confirmed all the same.
    private var returned: [UInt64: BrokerError] = [:]

    mutating func wait(
        for sequence: UInt64,
        _ completion: @escaping @Sendable (Publish.Outcome) -> Void
    ) {
        self.waiting[sequence] = Waiting(completion: completion)
        self.last = max(self.last, sequence)
    }

    /// Whether a publish waits.
    func isWaiting(for sequence: UInt64) -> Bool { self.waiting[sequence] != nil }

    /// Whether a publish waits, and none before it.
    func isOldest(_ sequence: UInt64) -> Bool { self.lowest == sequence && self.isWaiting(for: sequence) }

    /// Keeps what ends the timer of a publish that waits.
    ///
    /// - Returns: Whether it waits.
    mutating func keep(_ cancelTimer: @escaping Call, for sequence: UInt64) -> Bool {
        guard self.waiting[sequence] != nil else { return false }
        self.waiting[sequence]?.cancelTimer = cancelTimer
        return true
    }

    /// Ends the wait for one: its confirm did not come.
    mutating func giveUp(_ sequence: UInt64, _ error: BrokerError) -> Call? {
        defer { self.raiseLowest() }
        self.returned[sequence] = nil
        return self.waiting.removeValue(forKey: sequence)?.call(.failed(error))
    }

    /// What `event` completes; `nil` where it is no confirm of a publish that waits.
    mutating func completions(of event: ChannelEvent) -> [Call]? {
        switch event {
        case .returned(let message):
            guard let sequence = message.sequence, self.waiting[sequence] != nil else { return nil }
            self.returned[sequence] = .noRoute(exchange: message.exchange, routingKey: message.routingKey)
            return []
        case .acked(let sequence, let multiple):
            return self.take(through: sequence, multiple: multiple, .confirmed)
        case .nacked(let sequence, let multiple):
            return self.take(through: sequence, multiple: multiple, .failed(.nacked))
        case .deliver, .cancelled, .answer, .closed: return nil
        }
    }

    /// Ends all that wait: nobody will say what became of them.
    mutating func takeAll(because reason: AMQPException) -> [Call] {
        defer { self.waiting = [:] }
        return self.waiting.sorted { $0.key < $1.key }.map { $0.value.call(.lost(reason)) }
    }

    private mutating func take(
        through sequence: UInt64,
        multiple: Bool,
        _ outcome: Publish.Outcome
    ) -> [Call] {
        defer { self.raiseLowest() }
        let sequences = multiple ? min(self.lowest, sequence)...sequence : sequence...sequence
        return sequences.compactMap { sequence in
            guard let waiting = self.waiting.removeValue(forKey: sequence) else { return nil }
            return waiting.call(self.returned.removeValue(forKey: sequence).map { .failed($0) } ?? outcome)
        }
    }

    private mutating func raiseLowest() {
        while self.lowest <= self.last, self.waiting[self.lowest] == nil { self.lowest += 1 }
    }
}
