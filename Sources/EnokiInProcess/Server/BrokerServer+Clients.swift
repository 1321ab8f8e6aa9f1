import EnokiBroker

extension BrokerServer {
    func makeClientID() -> ClientID { ClientID(number: self.nextNumber()) }

    func nextConsumerNumber() -> UInt64 { self.nextNumber() }

    func nextRequestNumber() -> UInt64 { self.nextNumber() }

    /// Why the broker takes no messages, where it takes none.
    var blockReason: String? { self.state.withLock { $0.blockReason } }

    private func nextNumber() -> UInt64 {
        self.state.withLock { state in
            state.lastNumber += 1
            return state.lastNumber
        }
    }

    /// Tells a client when the broker is closed, and when it takes no messages or takes them again; at once, where it is so.
    func register(
        _ id: ClientID,
        onClose: @escaping @Sendable () -> Void,
        onBlock: @escaping @Sendable () -> Void
    ) {
        let (isClosed, isBlocked) = self.state.withLock { state in
            if !state.isClosed { state.clients[id] = Client(onClose: onClose, onBlock: onBlock) }
            return (state.isClosed, state.blockReason != nil)
        }
        if isClosed { onClose() } else if isBlocked { onBlock() }
    }

    func unregister(_ id: ClientID) {
        let client = self.state.withLock { $0.clients.removeValue(forKey: id) }
        withExtendedLifetime(client) {}
    }

    /// Calls `watcher` once, when the broker is started again.
    ///
    /// - Returns: Whether it takes connections already, and `watcher` will not be called.
    func whenUp(_ watcher: @escaping @Sendable () -> Void) -> Bool {
        self.state.withLock { state in
            guard !state.isClosed else { return false }
            if state.isDown { state.startWatchers.append(watcher) }
            return !state.isDown
        }
    }
}
