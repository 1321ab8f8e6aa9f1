import EnokiBroker

/// A channel of a ``WireConnection``.
final class WireChannel: AMQPPeerChannel {
    private struct State {
        var reply: AMQPReply?
        var closure: AMQPClosure?
        /// What waits for its header, and then for its body.
        var content: (whole: (Message) -> WireMethod, header: (size: Int, properties: BasicProperties)?, body: [UInt8])?
    }

    let number: UInt16
    let events = AMQPEventQueue()
    private let connection: WireConnection
    private let state = Locked(State())
    private let arrival = Signal()

    init(number: UInt16, of connection: WireConnection) {
        self.number = number
        self.connection = connection
    }

    func call(_ method: AMQPMethod) async throws -> AMQPReply {
        if let closure = self.state.withLock({ $0.closure }) {
            if method.isAnswered { throw self.taken(closure) }
            return .none
        }
        var frames = [WireFrame(kind: .method, channel: self.number, payload: method.wirePayload)]
        if case .basicPublish(let message, _, _, _, _) = method { frames += self.content(of: message) }
        self.connection.send(frames, if: { self.state.withLock { $0.closure == nil } })
        guard method.isAnswered else { return .none }
        let reply = try await self.reply(to: "\(method)")
        if case .channelClose = method { self.connection.forget(self) }
        return reply
    }

    /// Opens the channel on the wire.
    func open() async throws {
        var open = WireWriter(classID: 20, methodID: 10)
        open.shortString("")
        self.connection.send([WireFrame(kind: .method, channel: self.number, payload: open.finish())])
        _ = try await self.reply(to: "channel.open")
    }

    private func content(of message: Message) -> [WireFrame] {
        var frames = [WireFrame(kind: .header, channel: self.number, payload: WireWriter.header(message))]
        var rest = message.body[...]
        while !rest.isEmpty {
            let part = rest.prefix(WireConnection.largestFrame - 8)
            frames.append(WireFrame(kind: .body, channel: self.number, payload: Array(part)))
            rest = rest.dropFirst(part.count)
        }
        return frames
    }

    private func reply(to method: String) async throws -> AMQPReply {
        let deadline = ContinuousClock.now.advanced(by: .seconds(30))
        while ContinuousClock.now < deadline {
            try Task.checkCancellation()
            let (reply, closure) = self.state.withLock { state in
                defer { state.reply = nil }
                return (state.reply, state.closure)
            }
            if let reply { return reply }
            if let closure { throw self.taken(closure) }
            await self.arrival.wait(until: deadline)
        }
        throw ConditionNotMet(description: "The broker did not answer \(method)")
    }

    /// Whoever gets the closure as an error does not get it as an event too.
    private func taken(_ closure: AMQPClosure) -> AMQPClosure {
        _ = self.events.take { if case .closed = $0 { true } else { nil } }
        return closure
    }

    // MARK: What the broker sends, on the connection's thread

    func receive(_ frame: WireFrame) throws {
        switch frame.kind {
        case .heartbeat: throw WireFrame.Malformed()
        case .method: try self.receive(WireMethod(frame.payload))
        case .header:
            var reader = WireReader(frame.payload)
            let header = try reader.header()
            try self.state.withLock { state in
                guard state.content != nil else { throw WireFrame.Malformed() }
                state.content?.header = header
            }
            try self.finishContent()
        case .body:
            self.state.withLock { $0.content?.body += frame.payload }
            try self.finishContent()
        }
    }

    /// The channel or its connection is over.
    func close(_ closure: AMQPClosure) {
        self.state.withLock { state in
            guard state.closure == nil else { return }
            state.closure = closure
            // While nobody can see the closure: whoever gets it as an error takes the event away.
            self.events.append(.closed(closure))
        }
        self.arrival.signal()
    }

    private func receive(_ method: WireMethod) throws {
        switch method {
        case .content(let whole): self.state.withLock { $0.content = (whole, nil, []) }
        case .reply(let reply):
            self.state.withLock { $0.reply = reply }
            self.arrival.signal()
        case .event(.closed(let closure)):
            self.close(closure)
            let closeOk = WireWriter(classID: 20, methodID: 41)
            self.connection.send([WireFrame(kind: .method, channel: self.number, payload: closeOk.bytes)])
            self.connection.forget(self)
        case .event(let event): self.events.append(event)
        }
    }

    private func finishContent() throws {
        let method: WireMethod? = self.state.withLock { state in
            guard let content = state.content, let header = content.header, content.body.count >= header.size else {
                return nil
            }
            state.content = nil
            return content.whole(Message(body: content.body, properties: header.properties))
        }
        if let method { try self.receive(method) }
    }
}
