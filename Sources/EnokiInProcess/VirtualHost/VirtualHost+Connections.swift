import EnokiBroker

extension VirtualHost {
    func openConnection(name: String, user: String) -> ConnectionID {
        let connection = ConnectionRecord(id: ConnectionID(number: self.nextNumber()), name: name, user: user)
        self.connections[connection.id] = connection
        return connection.id
    }

    /// Closes a connection with its channels, and deletes its exclusive queues.
    ///
    /// - Parameter reason: What the broker tells the channels, where it is the broker that closes.
    func close(_ id: ConnectionID, because reason: AMQPException? = nil) { self.close([id], because: reason) }

    /// Closes connections with their channels, and deletes their exclusive queues. They end together: what comes back from
    /// one goes to no other of them.
    ///
    /// - Parameter reason: What the broker tells the channels, where it is the broker that closes.
    func close(_ ids: [ConnectionID], because reason: AMQPException? = nil) {
        let connections = ids.compactMap { self.connections.removeValue(forKey: $0) }
        let channels = connections.flatMap { $0.channels.values.sorted { $0.id < $1.id } }
        self.close(channels)
        if let reason { self.effects.events += channels.map { ($0.id, .closed(reason)) } }
        for connection in connections {
            for queue in connection.exclusiveQueues.values.sorted(by: { $0.id < $1.id }) { self.remove(queue) }
        }
    }
}
