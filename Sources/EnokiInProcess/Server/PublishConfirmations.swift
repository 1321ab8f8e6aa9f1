import EnokiBroker

/// The completions of a channel's publishes that wait for their confirms.
struct PublishConfirmations {
    private typealias Completion = @Sendable (Result<Void, BrokerError>) -> Void

    private var waiting: [UInt64: Completion] = [:]
    /// No publish below it waits.
    private var lowest: UInt64 = 1
    /// Those that came back, and will be confirmed all the same.
    private var returned: [UInt64: BrokerError] = [:]

    mutating func wait(
        for sequence: UInt64,
        _ completion: @escaping @Sendable (Result<Void, BrokerError>) -> Void
    ) {
        self.waiting[sequence] = completion
    }

    /// Whether a publish waits.
    func isWaiting(for sequence: UInt64) -> Bool { self.waiting[sequence] != nil }

    /// Ends the wait for one: its confirm did not come.
    mutating func giveUp(_ sequence: UInt64, _ error: BrokerError) -> (@Sendable () -> Void)? {
        guard let completion = self.waiting.removeValue(forKey: sequence) else { return nil }
        self.returned[sequence] = nil
        return { completion(.failure(error)) }
    }

    /// What `event` completes; `nil` where it is no confirm of a publish that waits.
    mutating func completions(of event: ChannelEvent) -> [@Sendable () -> Void]? {
        switch event {
        case .returned(let message):
            guard let sequence = message.sequence, self.waiting[sequence] != nil else { return nil }
            self.returned[sequence] = .noRoute(exchange: message.exchange, routingKey: message.routingKey)
            return []
        case .acked(let sequence, let multiple):
            return self.take(through: sequence, multiple: multiple) { .success(()) }
        case .nacked(let sequence, let multiple):
            return self.take(through: sequence, multiple: multiple) { .failure(.nacked) }
        case .deliver, .cancelled, .closed: return nil
        }
    }

    /// Ends all that wait: nobody will say what became of them.
    mutating func takeAll() -> [@Sendable () -> Void] {
        defer { self.waiting = [:] }
        return self.waiting.sorted { $0.key < $1.key }.map { _, completion in
            { completion(.failure(.confirmLost)) }
        }
    }

    private mutating func take(
        through sequence: UInt64,
        multiple: Bool,
        result: () -> Result<Void, BrokerError>
    ) -> [@Sendable () -> Void] {
        defer { if multiple { self.lowest = sequence + 1 } }
        let sequences = multiple ? min(self.lowest, sequence)...sequence : sequence...sequence
        return sequences.compactMap { sequence in
            guard let completion = self.waiting.removeValue(forKey: sequence) else { return nil }
            let result = self.returned.removeValue(forKey: sequence).map { .failure($0) } ?? result()
            return { completion(result) }
        }
    }
}
