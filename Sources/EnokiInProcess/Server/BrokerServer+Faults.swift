import EnokiBroker

extension BrokerServer {
    /// Does a step, and what the plan has for it.
    ///
    /// - Throws: What `body` throws; ``AMQPException`` when the connection was lost before.
    func withFaults<Output>(
        of method: AMQPMethod,
        on channel: ChannelRecord,
        in state: inout State,
        _ body: (inout State) throws(AMQPException) -> Output
    ) throws(AMQPException) -> Output {
        guard let kind = Fault.Step.Kind(method) else { return try body(&state) }
        let faults = state.faults.step(kind, of: channel.connection.name)
        if let fault = faults.lossBefore {
            state.virtualHost.close(channel.connection.id, because: fault.reason)
            throw fault.reason
        }
        guard !faults.faults.isEmpty else { return try body(&state) }
        // What ends a connection ends it whether the step succeeds or not.
        defer { state.end(channel.connection, by: faults) }
        let output = try body(&state)
        if let delay = faults.confirmDelay { self.hold(confirmsOf: channel, delay, in: &state) }
        if faults.lossAfterwards != nil || faults.restartsAfterwards {
            _ = state.virtualHost.takeConfirms(for: channel.id)
        }
        if let (duration, reason) = faults.block {
            state.afterwards.append { [weak self] in self?.block(because: reason, for: duration) }
        }
        return output
    }

    /// Keeps back the confirms that a publish has just caused.
    private func hold(confirmsOf channel: ChannelRecord, _ delay: StepFaults.ConfirmDelay, in state: inout State) {
        let id = channel.id
        let held = state.virtualHost.takeConfirms(for: id)
        guard case .until(let duration) = delay else { return }
        self.timers.schedule(after: duration) { [weak self] in
            self?.perform { state in
                guard state.virtualHost.channels[id] != nil else { return }
                state.virtualHost.effects.events += held.map { (id, $0) }
            }
        }
    }

}

extension Fault.Step.Kind {
    /// The step that a method of a client is.
    fileprivate init?(_ method: AMQPMethod) {
        switch method {
        case .basicPublish: self = .publish
        case .basicAck, .basicNack, .basicReject: self = .acknowledgement
        default: return nil
        }
    }
}

extension VirtualHost {
    /// Takes the confirms for a channel, and the returns before them, out of what is to be sent.
    fileprivate func takeConfirms(for channel: ChannelID) -> [ChannelEvent] {
        var taken: [ChannelEvent] = []
        self.effects.events.removeAll { id, event in
            guard id == channel, event.isConfirm else { return false }
            taken.append(event)
            return true
        }
        return taken
    }
}

extension ChannelEvent {
    fileprivate var isConfirm: Bool {
        switch self {
        case .returned, .acked, .nacked: true
        case .deliver, .cancelled, .answer, .closed: false
        }
    }
}
