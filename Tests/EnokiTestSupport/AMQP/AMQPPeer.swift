/// A broker as a test of channels sees it: what connections can be made to.
public protocol AMQPPeer: Sendable {
    /// Its name of the virtual host, as it stands in its error texts.
    var virtualHost: String { get }

    /// Makes a connection.
    func connect() async throws -> any AMQPPeerConnection

    /// Returns when `duration` has passed by the broker's clock: at once where the clock is virtual.
    func advance(by duration: Duration) async throws

    /// Restarts the broker; all connections end. RabbitMQ must be a node of the suite's own (``RabbitMQNode``).
    func restart() async throws
}

/// A connection of a client.
public protocol AMQPPeerConnection: Sendable {
    /// Opens a channel.
    func openChannel() async throws -> any AMQPPeerChannel

    /// Closes the connection in good order and returns when the broker has agreed.
    func close() async throws

    /// Drops the connection without a word.
    func abort() async
}

/// A channel of a client.
///
/// A method that the broker answers with the end of the channel throws the ``AMQPClosure``, and so does every later one
/// that has an answer. For a method without an answer the end comes as an event.
public protocol AMQPPeerChannel: Sendable {
    /// Sends a method, and returns its answer, or ``AMQPReply/none`` where it has none.
    func call(_ method: AMQPMethod) async throws -> AMQPReply

    /// What the broker has sent, in its order.
    var events: AMQPEventQueue { get }
}
