import EnokiBroker

extension VirtualHost {
    mutating func openConnection() -> ConnectionID {
        let id = ConnectionID(number: self.nextNumber())
        self.connections[id] = ConnectionRecord()
        return id
    }

    /// Closes a connection whose consumers are cancelled: what they have not settled goes back to its queues, and its
    /// exclusive queues are deleted.
    mutating func close(_ id: ConnectionID) {
        guard let connection = self.connections[id] else { return }
        for queue in connection.exclusiveQueues.sorted() { self.remove(queue) }
        self.close(connection.consumers.sorted())
        self.connections[id] = nil
    }
}
