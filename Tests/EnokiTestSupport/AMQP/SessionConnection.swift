import EnokiBroker

/// A connection of an ``AMQPSession``.
public final class SessionConnection: Sendable {
    let peer: any AMQPPeerConnection
    private let name: String
    private let trace: Trace
    private let channels = Locked<[SessionChannel]>([])

    init(_ peer: any AMQPPeerConnection, name: String, trace: Trace) {
        self.peer = peer
        self.name = name
        self.trace = trace
    }

    /// Opens a channel. In the trace it is called `a1` for the first one of the first connection.
    public func channel() async throws -> SessionChannel {
        let peer = try await self.peer.openChannel()
        return self.channels.withLock { channels in
            let channel = SessionChannel(peer, name: "\(self.name)\(channels.count + 1)", trace: self.trace)
            channels.append(channel)
            return channel
        }
    }

    /// Sends a method on a new channel, and returns why it was refused; see ``SessionChannel/refusal(of:)``.
    public func refusal(of method: AMQPMethod) async throws -> String {
        let channel = try await self.channel()
        return try await channel.refusal(of: method)
    }

    /// Closes the connection in good order.
    public func close() async throws {
        self.trace.add("\(self.name) connection.close")
        for channel in self.channels.withLock({ $0 }) { channel.stopRecording() }
        try await self.peer.close()
    }

    /// Drops the connection without a word.
    public func abort() async {
        self.trace.add("\(self.name) is dropped")
        for channel in self.channels.withLock({ $0 }) { channel.stopRecording() }
        await self.peer.abort()
    }

    func recordLeftovers() async {
        for channel in self.channels.withLock({ $0 }) { await channel.recordLeftovers() }
    }
}
