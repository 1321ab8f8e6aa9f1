import EnokiBroker

/// A connection to the in-process broker in AMQP's own terms: channels with their methods. The rest of the module, and
/// whoever speaks AMQP for others, stand on it.
package final class ServerConnection: Sendable {
    let server: BrokerServer
    let id: ConnectionID?

    /// - Parameter sink: Is told when the broker has closed the connection, with the reason.
    init(to server: BrokerServer, name: String, user: String = "guest", sink: (any EventSink)? = nil) {
        self.server = server
        self.id = server.connect(name: name, user: user, sink: sink)
    }

    init(_ id: ConnectionID?, of server: BrokerServer) {
        self.server = server
        self.id = id
    }

    /// Whether the connection is open.
    package var isOpen: Bool { self.id.map(self.server.isOpen) ?? false }

    /// Opens a channel.
    ///
    /// - Parameter onEvent: Called with what the broker sends of itself, in order, by the broker's task; must not block.
    /// - Throws: ``AMQPException`` when the connection is closed.
    package func openChannel(
        onEvent: @escaping @Sendable (ServerChannel, ChannelEvent) -> Void = { _, _ in }
    ) throws(AMQPException) -> ServerChannel {
        guard let id = self.id else { throw .connectionClosed }
        return try self.server.openChannel(on: id, handler: onEvent)
    }

    /// Opens a channel for a client elsewhere: `sink` is told too where the answers of methods belong among the events
    /// (``ChannelEvent/answer``), and the broker waits with deliveries until those before have gone out
    /// (``ServerChannel/noteSent(_:)``).
    ///
    /// - Throws: ``AMQPException`` when the connection is closed.
    package func openChannel(to sink: any EventSink) throws(AMQPException) -> ServerChannel {
        guard let id = self.id else { throw .connectionClosed }
        return try self.server.openChannel(on: id, to: sink)
    }

    /// Closes the connection with its channels, and returns when none of them is being called.
    package func close() async {
        if let id = self.id { await self.server.close(id) }
    }

    /// Closes the connection without waiting for a call that a channel is in.
    package func abandon() {
        if let id = self.id { self.server.abandon(id) }
    }
}
