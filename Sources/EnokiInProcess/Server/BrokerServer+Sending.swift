import EnokiBroker

extension BrokerServer {
    /// Something to be sent, with all that is needed for it.
    struct Sending {
        let channel: ChannelID
        let item: Outbox.Item
        let handler: EventHandler?
        /// What a confirm completes; `nil` for all other events.
        let completions: [@Sendable () -> Void]?
        let faults: StepFaults
    }

    /// The connection of a channel is lost.
    func drop(_ id: ChannelID, because reason: AMQPException) {
        self.perform { state in
            guard let channel = state.virtualHost.channels[id] else { return }
            state.virtualHost.close(channel.connection.id, because: reason)
        }
    }

    /// What goes wrong while a delivery is made.
    func apply(_ faults: StepFaults, before event: ChannelEvent, on id: ChannelID) {
        guard faults.duplicates, case .deliver(let delivery) = event else { return }
        self.perform { state in
            guard let channel = state.virtualHost.channels[id] else { return }
            state.virtualHost.duplicate(delivery.deliveryTag, on: channel)
        }
    }

    /// What goes wrong once a delivery was made.
    func apply(_ faults: StepFaults, after event: ChannelEvent, on id: ChannelID) {
        guard !faults.faults.isEmpty, case .deliver(let delivery) = event else { return }
        self.perform { state in
            guard let channel = state.virtualHost.channels[id] else { return }
            if faults.cancelsConsumer, let consumer = channel.consumers[ByteName(delivery.consumerTag)] {
                state.virtualHost.cancelByBroker(consumer)
            }
            state.end(channel.connection, by: faults)
        }
    }
}

extension BrokerServer.State {
    /// Takes what is to be sent next.
    mutating func takeNext() -> BrokerServer.Sending? {
        guard let (id, item) = self.outbox.next() else { return nil }
        var completions: [@Sendable () -> Void]?
        var faults = StepFaults.none
        if case .event(let first) = item {
            let event = self.isShuffled ? self.gathered(first, on: id) : first
            completions = self.confirmations[id]?.completions(of: event)
            if case .deliver = event, let channel = self.virtualHost.channels[id] {
                faults = self.faults.step(.delivery, of: channel.connection.name)
            }
        }
        return BrokerServer.Sending(
            channel: id,
            item: item,
            handler: self.handlers[id],
            completions: completions,
            faults: faults
        )
    }

    /// A confirm with those that wait behind it, as a broker does that has fallen behind.
    private mutating func gathered(_ event: ChannelEvent, on id: ChannelID) -> ChannelEvent {
        guard case .acked(var sequence, multiple: false) = event, self.confirmations[id]?.isOldest(sequence) == true
        else { return event }
        var isMultiple = false
        while self.outbox.takeConfirm(of: sequence + 1, on: id) {
            sequence += 1
            isMultiple = true
        }
        return .acked(sequence, multiple: isMultiple)
    }

    /// The connection, or the whole broker, goes after a step.
    mutating func end(_ connection: ConnectionRecord, by faults: StepFaults) {
        if let reason = faults.lossAfterwards { self.virtualHost.close(connection.id, because: reason) }
        if faults.restartsAfterwards { self.virtualHost.restart() }
    }
}
