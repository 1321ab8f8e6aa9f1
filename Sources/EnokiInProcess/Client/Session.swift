import EnokiBroker

/// What a client has while it is connected: a connection, and on it the channel where all is published, which confirms.
struct Session: Sendable {
    let connection: ServerConnection
    let publishing: ServerChannel

    /// Connects.
    ///
    /// - Parameter onLoss: Called once, when the broker has closed the connection.
    /// - Throws: `AMQPException` when the broker is down or closed.
    init(
        to server: BrokerServer,
        name: String,
        onLoss: @escaping @Sendable (ServerConnection, AMQPException) -> Void
    ) throws(AMQPException) {
        let connection = ServerConnection(to: server, name: name)
        let id = connection.id
        self.connection = connection
        self.publishing = try connection.openChannel { channel, event in
            // The broker holds this: it must not hold the broker.
            if case .closed(let reason) = event { onLoss(ServerConnection(id, of: channel.server), reason) }
        }
        try self.publishing.selectConfirms()
    }
}
