import EnokiBroker

extension VirtualHost {
    /// - Parameter isWatched: Whether the end of the connection itself is told, besides that of its channels.
    func openConnection(name: String, user: String, isWatched: Bool = false) -> ConnectionRecord {
        let connection = ConnectionRecord(
            id: ConnectionID(number: self.nextNumber()),
            control: isWatched ? ChannelID(number: self.nextNumber()) : nil,
            name: name,
            user: user
        )
        self.connections[connection.id] = connection
        return connection
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
        if let reason {
            let ends = channels.map(\.id) + connections.compactMap(\.control)
            self.effects.events += ends.map { ($0, .closed(reason)) }
        }
        for connection in connections {
            for queue in connection.exclusiveQueues.values.sorted(by: { $0.id < $1.id }) { self.remove(queue) }
        }
    }
}
