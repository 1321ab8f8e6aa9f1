import EnokiBroker

extension BrokerServer {
    func makeClientID() -> ClientID { ClientID(number: self.nextNumber()) }

    func nextConsumerNumber() -> UInt64 { self.nextNumber() }

    private func nextNumber() -> UInt64 {
        self.state.withLock { state in
            state.lastNumber += 1
            return state.lastNumber
        }
    }

    /// Tells a client when the broker is closed, and when it takes no messages; at once, where that is so.
    func register(
        _ id: ClientID,
        onClose: @escaping @Sendable () -> Void,
        onBlock: @escaping @Sendable (_ reason: String?) -> Void
    ) {
        let (isClosed, blockReason) = self.state.withLock { state in
            if !state.isClosed { state.clients[id] = Client(onClose: onClose, onBlock: onBlock) }
            return (state.isClosed, state.blockReason)
        }
        if isClosed { onClose() } else if let blockReason { onBlock(blockReason) }
    }

    func unregister(_ id: ClientID) {
        let client = self.state.withLock { $0.clients.removeValue(forKey: id) }
        withExtendedLifetime(client) {}
    }

    /// Calls `watcher` once, when connections are taken: now, or when the broker is started again.
    func whenUp(_ watcher: @escaping @Sendable () -> Void) {
        let isUp = self.state.withLock { state in
            guard state.isDown, !state.isClosed else { return !state.isClosed }
            state.startWatchers.append(watcher)
            return false
        }
        if isUp { watcher() }
    }
}
