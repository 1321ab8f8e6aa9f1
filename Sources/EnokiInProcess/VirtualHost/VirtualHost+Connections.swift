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
    func close(_ id: ConnectionID, because reason: AMQPException? = nil) {
        guard let connection = self.connections.removeValue(forKey: id) else { return }
        for channel in connection.channels.values.sorted(by: { $0.id < $1.id }) {
            self.close(channel)
            if let reason { self.effects.events.append((channel.id, .closed(reason))) }
        }
        for queue in connection.exclusiveQueues.values.sorted(by: { $0.id < $1.id }) { self.remove(queue) }
    }
}
