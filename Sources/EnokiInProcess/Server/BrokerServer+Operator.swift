import EnokiBroker

/// What an operator, or an accident, does to a broker.
extension BrokerServer {
    /// Closes all connections and takes none, until ``start()``. What is not durable is gone.
    func stop() {
        self.perform { state in
            guard !state.isClosed else { return }
            state.isDown = true
            state.virtualHost.restart()
        }
    }

    /// Takes connections again.
    func start() {
        let watchers = self.state.withLock { state in
            state.isDown = false
            defer { state.startWatchers = [] }
            return state.startWatchers
        }
        for watcher in watchers { watcher() }
    }

    /// Closes the connections with `name`, or all.
    func dropConnections(named name: String?, because reason: String) {
        self.perform { state in
            let lost = state.virtualHost.connections.values
                .filter { connection in name.map(connection.name.hasSameBytes(as:)) ?? true }
            state.virtualHost.close(lost.map(\.id).sorted(), because: AMQPException(.connectionForced, reason))
        }
    }

    /// Takes no messages, or with `nil` takes them again.
    func block(because reason: String?) {
        let clients = self.state.withLock { state in
            state.blockReason = reason
            state.blockCount += 1
            return state.clients.sorted { $0.key < $1.key }.map(\.value)
        }
        for client in clients { client.onBlock() }
    }

    /// Takes no messages for a while, unless it is told otherwise meanwhile.
    func block(because reason: String, for duration: Duration) {
        self.block(because: reason)
        let count = self.state.withLock { $0.blockCount }
        self.timers.schedule(after: duration) { [weak self] in
            guard let self, self.state.withLock({ $0.blockCount }) == count else { return }
            self.block(because: nil)
        }
    }

    /// Cancels the consumers of a queue, as RabbitMQ does when the queue's node goes away.
    func cancelConsumers(ofQueue name: String) {
        self.perform { $0.virtualHost.cancelConsumers(ofQueue: name) }
    }
}
