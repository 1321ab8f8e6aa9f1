import EnokiBroker

/// A case that runs on a broker: connections and channels whose every use stands in the trace.
public final class AMQPSession: Sendable {
    private struct State {
        var connections: [SessionConnection] = []
        var main: SessionConnection?
        var observer: (any AMQPPeerConnection)?
    }

    /// The broker.
    public let peer: any AMQPPeer
    /// What was done, and what was seen.
    public let trace: Trace
    private let state = Locked(State())

    /// A session with a broker in which there is nothing yet.
    public init(_ peer: any AMQPPeer) {
        self.peer = peer
        self.trace = Trace(virtualHost: peer.virtualHost)
    }

    /// Opens a channel on the session's first connection.
    public func channel() async throws -> SessionChannel {
        if let main = self.state.withLock({ $0.main }) { return try await main.channel() }
        let main = try await self.connect()
        self.state.withLock { $0.main = main }
        return try await main.channel()
    }

    /// Sends a method on a new channel of the first connection, and returns why it was refused; see
    /// ``SessionChannel/refusal(of:)``.
    public func refusal(of method: AMQPMethod) async throws -> String {
        let channel = try await self.channel()
        return try await channel.refusal(of: method)
    }

    /// Makes a connection.
    public func connect() async throws -> SessionConnection {
        let peer = try await self.peer.connect()
        return self.state.withLock { state in
            let name = String(UnicodeScalar(UInt8(ascii: "a") + UInt8(state.connections.count)))
            let connection = SessionConnection(peer, name: name, trace: self.trace)
            state.connections.append(connection)
            return connection
        }
    }

    /// Lets time pass by the broker's clock.
    public func advance(by duration: Duration) async throws {
        self.trace.add("\(duration.wholeMilliseconds) ms pass")
        try await self.peer.advance(by: duration)
    }

    /// Restarts the broker. All connections end; ``channel()`` makes a new one.
    public func restart() async throws {
        self.trace.add("the broker restarts")
        try await self.peer.restart()
        self.state.withLock { ($0.main, $0.observer) = (nil, nil) }
    }

    /// Waits until a queue has so many ready messages, then takes them all and returns their texts, `x again` for one
    /// that is redelivered. Waiting is needed: RabbitMQ's queues work at their own pace.
    @discardableResult
    public func contents(of queue: String, count: Int) async throws -> [String] {
        let channel = try await self.observerChannel()
        try await channel.waitForReady(count, in: queue)
        var texts: [String] = []
        while case .message(let delivery, _) = try await channel.call(.basicGet(queue, noAck: true)) {
            texts.append(delivery.mark)
        }
        _ = try await channel.call(.channelClose)
        self.trace.add("\(queue) holds \(texts)")
        return texts
    }

    /// Waits until a queue has so many ready messages and leaves them there.
    public func expectReady(_ count: Int, in queue: String) async throws {
        let channel = try await self.observerChannel()
        try await channel.waitForReady(count, in: queue)
        _ = try await channel.call(.channelClose)
        self.trace.add("\(queue) has \(count) ready")
    }

    /// Waits until a queue has so many consumers.
    public func expectConsumers(_ count: Int, of queue: String) async throws {
        let channel = try await self.observerChannel()
        try await channel.waitForStatus(of: queue, "has \(count) consumers") { $0.consumerCount == count }
        _ = try await channel.call(.channelClose)
        self.trace.add("\(queue) has \(count) consumers")
    }

    /// Waits until there is no such queue: what goes with a connection or with time goes a moment later.
    public func expectNoQueue(_ queue: String) async throws {
        try await self.waitForAbsence(of: queue, .queueDeclare(Queue(queue), passive: true))
    }

    /// Waits until there is no such exchange.
    public func expectNoExchange(_ exchange: String) async throws {
        try await self.waitForAbsence(of: exchange, .exchangeDeclare(Exchange(exchange, .direct), passive: true))
    }

    private func waitForAbsence(of name: String, _ inspection: AMQPMethod) async throws {
        try await eventually("'\(name)' is gone") {
            let channel = try await self.observerChannel()
            do {
                _ = try await channel.call(inspection)
                _ = try await channel.call(.channelClose)
                return false
            } catch let closure as AMQPClosure where closure.code == 404 {
                return true
            }
        }
        self.trace.add("\(name) is gone")
    }

    /// A channel of a connection that is no part of the case.
    private func observerChannel() async throws -> any AMQPPeerChannel {
        if let observer = self.state.withLock({ $0.observer }) { return try await observer.openChannel() }
        let observer = try await self.peer.connect()
        self.state.withLock { $0.observer = observer }
        return try await observer.openChannel()
    }

    /// Writes down the events that nobody has asked for, and closes the connections.
    public func finish() async throws {
        let (connections, observer) = self.state.withLock { ($0.connections, $0.observer) }
        for connection in connections { await connection.recordLeftovers() }
        for connection in connections { try await connection.peer.close() }
        try await observer?.close()
    }
}

extension AMQPPeerChannel {
    func waitForReady(_ count: Int, in queue: String) async throws {
        try await self.waitForStatus(of: queue, "has \(count) ready messages") { $0.messageCount == count }
    }

    func waitForStatus(
        of queue: String,
        _ condition: String,
        _ isMet: (QueueStatus) -> Bool
    ) async throws {
        try await eventually("queue '\(queue)' \(condition)") {
            try await self.call(.queueDeclare(Queue(queue), passive: true))
        } until: {
            if case .queue(let status) = $0 { isMet(status) } else { false }
        }
    }
}
