import EnokiBroker

/// A channel of an ``AMQPSession``. What is done on it and what comes on it stands in the trace, in the order of the
/// test's calls: an event when the test takes it.
public final class SessionChannel: Sendable {
    private struct State {
        var isRecorded = true
        /// The numbers of the messages whose confirms have not come.
        var unconfirmed: Set<UInt64> = []
        var published: UInt64 = 0
        var confirms = false
    }

    /// The channel itself, past the trace.
    public let peer: any AMQPPeerChannel
    let name: String
    private let trace: Trace
    private let state = Locked(State())

    init(_ peer: any AMQPPeerChannel, name: String, trace: Trace) {
        self.peer = peer
        self.name = name
        self.trace = trace
    }

    func record(_ line: String) { self.trace.add("\(self.name) \(line)") }

    /// Sends a method and returns the answer.
    ///
    /// - Throws: ``AMQPClosure``, normalised, where the channel or its connection ends instead.
    @discardableResult
    public func call(_ method: AMQPMethod) async throws -> AMQPReply {
        self.count(method)
        do {
            let reply = try await self.peer.call(method)
            if case .none = reply { self.record("\(method)") } else { self.record("\(method) -> \(reply)") }
            if case .channelClose = method { self.stopRecording() }
            return reply
        } catch let closure as AMQPClosure {
            self.record("\(method) -> closed: \(closure)")
            throw self.normalised(closure)
        }
    }

    /// Sends a method that the broker answers with the end of the channel or the connection, and returns its summary,
    /// such as `channel 404 NOT_FOUND - no queue 'q' in vhost '/'`.
    ///
    /// - Throws: ``NotRefused`` where the broker answers.
    public func refusal(of method: AMQPMethod) async throws -> String {
        let reply: AMQPReply
        do {
            reply = try await self.call(method)
        } catch let closure as AMQPClosure {
            return closure.summary
        }
        if case .none = reply { return try await self.closure().summary }
        throw NotRefused(description: "\(method) was not refused but answered: \(reply)")
    }

    /// A method was done that should have been refused.
    public struct NotRefused: Error, CustomStringConvertible {
        /// The method and its answer.
        public let description: String
    }

    func normalised(_ closure: AMQPClosure) -> AMQPClosure {
        var closure = closure
        closure.text = self.trace.normalised(closure.text)
        return closure
    }

    // MARK: Events

    /// Takes the next event, of whatever kind; an answer to several publications counts as several.
    @discardableResult
    public func next() async throws -> AMQPEvent {
        if let confirm = self.takeConfirm() { return confirm }
        let event = try await self.peer.events.next("\(self.name) got an event") { $0 }
        switch event {
        case .acked(let tag, let multiple): self.settle(tag, multiple, isAck: true)
        case .nacked(let tag, let multiple): self.settle(tag, multiple, isAck: false)
        default:
            self.record("\(event)")
            return event
        }
        return self.takeConfirm() ?? event
    }

    /// Takes the next so many deliveries, and leaves events of other kinds.
    @discardableResult
    public func deliveries(_ count: Int = 1) async throws -> [AMQPDelivery] {
        var deliveries: [AMQPDelivery] = []
        for number in 0..<count {
            let delivery = try await self.peer.events.next("\(self.name) got delivery \(number + 1) of \(count)") {
                if case .deliver(let delivery) = $0 { delivery } else { nil }
            }
            self.record("\(delivery)")
            deliveries.append(delivery)
        }
        return deliveries
    }

    /// Takes the next so many returned messages, and leaves events of other kinds.
    @discardableResult
    public func returns(_ count: Int = 1) async throws -> [AMQPReturn] {
        var returns: [AMQPReturn] = []
        for number in 0..<count {
            let value = try await self.peer.events.next("\(self.name) got return \(number + 1) of \(count)") {
                if case .returned(let value) = $0 { value } else { nil }
            }
            self.record("\(value)")
            returns.append(value)
        }
        return returns
    }

    /// Waits for the end of a consumer and returns its tag.
    @discardableResult
    public func cancellation() async throws -> String {
        let tag = try await self.peer.events.next("\(self.name) got a cancel") {
            if case .cancelled(let tag) = $0 { tag } else { nil }
        }
        self.record("cancelled \(tag)")
        return tag
    }

    /// Waits for the end of the channel or of its connection.
    @discardableResult
    public func closure() async throws -> AMQPClosure {
        let closure = try await self.peer.events.next("\(self.name) got a close") {
            if case .closed(let closure) = $0 { closure } else { nil }
        }
        self.record("closed: \(closure)")
        return self.normalised(closure)
    }

    // MARK: Confirms

    /// Waits until all publications are confirmed, and returns the numbers of those that were refused.
    ///
    /// RabbitMQ is free in how it groups and orders confirms, so the trace says only who was refused.
    @discardableResult
    public func confirms() async throws -> [UInt64] {
        while self.state.withLock({ !$0.unconfirmed.isEmpty }) {
            let (tag, multiple, isAck) = try await self.peer.events.next("\(self.name) got a confirm") {
                switch $0 {
                case .acked(let tag, let multiple): (tag, multiple, true)
                case .nacked(let tag, let multiple): (tag, multiple, false)
                default: nil
                }
            }
            self.settle(tag, multiple, isAck: isAck)
        }
        let confirms = self.settled.withLock { settled in
            defer { settled = [] }
            return settled
        }
        let acked = confirms.filter(\.isAck).map(\.tag).sorted()
        let nacked = confirms.filter { !$0.isAck }.map(\.tag).sorted()
        self.record("confirmed \(acked)\(nacked.isEmpty ? "" : ", refused \(nacked)")")
        return nacked
    }

    private let settled = Locked<[(tag: UInt64, isAck: Bool)]>([])

    private func settle(_ tag: UInt64, _ multiple: Bool, isAck: Bool) {
        let tags = self.state.withLock { state in
            let tags = multiple ? state.unconfirmed.filter { $0 <= tag }.sorted() : [tag]
            state.unconfirmed.subtract(tags)
            return tags
        }
        self.settled.withLock { $0 += tags.map { ($0, isAck) } }
    }

    private func takeConfirm() -> AMQPEvent? {
        guard let confirm = self.settled.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) else { return nil }
        let event: AMQPEvent =
            confirm.isAck ? .acked(confirm.tag, multiple: false) : .nacked(confirm.tag, multiple: false)
        self.record("\(event)")
        return event
    }

    private func count(_ method: AMQPMethod) {
        self.state.withLock { state in
            switch method {
            case .confirmSelect: state.confirms = true
            case .basicPublish where state.confirms:
                state.published += 1
                state.unconfirmed.insert(state.published)
            default: break
            }
        }
    }

    // MARK: Nothing more

    /// Waits until a queue has so many ready messages, as this channel sees it. Then everything that the queue has sent to
    /// this channel before has come.
    public func expectReady(_ count: Int, in queue: String) async throws {
        try await self.peer.waitForReady(count, in: queue)
        self.record("\(queue) has \(count) ready")
    }

    /// Writes down every event that has come and that nobody has taken, and returns them; a method is sent and answered
    /// before, so that what the broker had sent until then is among them.
    @discardableResult
    public func leftovers() async throws -> [AMQPEvent] {
        _ = try await self.peer.call(.exchangeDeclare(Exchange("amq.direct", .direct), passive: true))
        var events: [AMQPEvent] = []
        while let event = self.peer.events.take({ $0 }) { events.append(event) }
        self.record(events.isEmpty ? "nothing more" : "left: \(events)")
        return events
    }

    /// Nothing of what comes is written down any more.
    func stopRecording() { self.state.withLock { $0.isRecorded = false } }

    func recordLeftovers() async {
        guard self.state.withLock({ $0.isRecorded }) else { return }
        // Where the channel is closed, what came until then.
        _ = try? await self.peer.call(.exchangeDeclare(Exchange("amq.direct", .direct), passive: true))
        var events: [AMQPEvent] = []
        while let event = self.peer.events.take({ $0 }) { events.append(event) }
        let visible = events.filter { if case .acked = $0 { false } else { true } }
        if !visible.isEmpty { self.record("left: \(visible)") }
    }
}
