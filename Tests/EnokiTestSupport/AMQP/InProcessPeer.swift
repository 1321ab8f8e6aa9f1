import EnokiBroker
import EnokiInProcess

/// The in-process broker, for clients that use channels. Its time is virtual.
struct InProcessPeer: AMQPPeer {
    let broker: InProcessBroker
    let clock: VirtualClock

    /// As in the broker's error texts.
    var virtualHost: String { "/" }

    func connect() async throws -> any AMQPPeerConnection { InProcessPeerConnection(self.broker.open(name: "peer")) }

    func advance(by duration: Duration) async throws { await self.clock.advance(by: duration) }

    func restart() async throws { self.broker.restart() }
}

/// A connection to the in-process broker.
struct InProcessPeerConnection: AMQPPeerConnection {
    private let connection: ServerConnection

    init(_ connection: ServerConnection) { self.connection = connection }

    func openChannel() async throws -> any AMQPPeerChannel { try InProcessPeerChannel(on: self.connection) }

    func close() async throws { await self.connection.close() }

    func abort() async { await self.connection.close() }
}

/// A channel to the in-process broker.
///
/// It acts as a client on a wire would: the end of the channel is the answer to a method that has answers, and an event
/// for one that has none.
final class InProcessPeerChannel: AMQPPeerChannel {
    let events: AMQPEventQueue
    private let channel: ServerChannel
    private let closure: Locked<AMQPClosure?>

    init(on connection: ServerConnection) throws {
        let events = AMQPEventQueue()
        let closure = Locked<AMQPClosure?>(nil)
        self.events = events
        self.closure = closure
        do {
            self.channel = try connection.openChannel { _, event in
                let event = AMQPEvent(event)
                if case .closed(let reason) = event { closure.withLock { $0 = $0 ?? reason } }
                if let event { events.append(event) }
            }
        } catch {
            throw AMQPClosure(error)
        }
    }

    func call(_ method: AMQPMethod) async throws -> AMQPReply {
        // The word that the connection is over may be on its way.
        if !self.channel.isOpen { await self.channel.flush() }
        if let closure = self.closure.withLock({ $0 }) {
            guard method.isAnswered else { return .none }
            _ = self.events.take { if case .closed = $0 { true } else { nil } }
            throw closure
        }
        do {
            let reply = try self.perform(method)
            if case .channelClose = method { await self.channel.close() }
            // As on a wire, what was sent before the answer comes before it.
            if method.isAnswered { await self.channel.flush() }
            return reply
        } catch let error as AMQPException {
            let closure = AMQPClosure(error)
            self.closure.withLock { $0 = closure }
            if method.isAnswered { throw closure }
            self.events.append(.closed(closure))
            return .none
        }
    }

    private func perform(_ method: AMQPMethod) throws -> AMQPReply {
        let channel = self.channel
        switch method {
        case .exchangeDeclare(let exchange, passive: true): try channel.declarePassively(exchange: exchange.name)
        case .exchangeDeclare(let exchange, passive: false): try channel.declare(exchange)
        case .exchangeDelete(let name, let ifUnused): try channel.delete(exchange: name, ifUnused: ifUnused)
        case .exchangeBind(let name, let source, let key, let arguments):
            try channel.bind(Binding(from: source, to: .exchange(name), routingKey: key, arguments: arguments))
        case .exchangeUnbind(let name, let source, let key, let arguments):
            try channel.unbind(Binding(from: source, to: .exchange(name), routingKey: key, arguments: arguments))
        case .queueDeclare(let queue, passive: true): return .queue(try channel.declarePassively(queue: queue.name))
        case .queueDeclare(let queue, passive: false): return .queue(try channel.declare(queue))
        case .queueBind(let name, let source, let key, let arguments):
            try channel.bind(Binding(from: source, to: .queue(name), routingKey: key, arguments: arguments))
        case .queueUnbind(let name, let source, let key, let arguments):
            try channel.unbind(Binding(from: source, to: .queue(name), routingKey: key, arguments: arguments))
        case .queuePurge(let name): return .count(try channel.purge(queue: name))
        case .queueDelete(let name, let ifUnused, let ifEmpty):
            return .count(try channel.delete(queue: name, ifUnused: ifUnused, ifEmpty: ifEmpty))
        case .basicQos(let count, let size, let global):
            try channel.qos(prefetch: Int(count), size: Int(size), global: global)
        case .basicConsume(let queue, let tag, _, let noAck, let exclusive, let arguments):
            var request = ConsumeRequest(queue: queue)
            request.consumerTag = tag
            request.noAck = noAck
            request.exclusive = exclusive
            request.arguments = arguments
            return .consumer(tag: try channel.consume(request))
        case .basicCancel(let tag):
            try channel.cancel(consumerTag: tag)
            return .consumer(tag: tag)
        case .basicPublish(let message, let exchange, let key, let mandatory, let immediate):
            try channel.publish(
                message,
                exchange: exchange,
                routingKey: key,
                mandatory: mandatory,
                immediate: immediate
            )
            return .none
        case .basicGet(let queue, let noAck):
            guard let answer = try channel.get(queue: queue, noAck: noAck) else { return .empty }
            return .message(AMQPDelivery(answer), remaining: answer.messageCount)
        case .basicAck(let tag, let multiple):
            try channel.ack(tag, multiple: multiple)
            return .none
        case .basicNack(let tag, let multiple, let requeue):
            try channel.nack(tag, multiple: multiple, requeue: requeue)
            return .none
        case .basicReject(let tag, let requeue):
            try channel.reject(tag, requeue: requeue)
            return .none
        case .basicRecover(let requeue): try channel.recover(requeue: requeue)
        case .basicRecoverAsync(let requeue):
            try channel.recoverAsync(requeue: requeue)
            return .none
        case .confirmSelect: try channel.selectConfirms()
        case .txSelect: try channel.selectTransactions()
        case .txCommit: try channel.commit()
        case .txRollback: try channel.rollBack()
        case .channelFlow(let active):
            try channel.flow(active: active)
            return .flow(active: active)
        case .channelClose: break
        }
        return .ok
    }
}

extension AMQPEvent {
    /// The event; `nil` for the place of an answer, which this client does not ask for.
    init?(_ event: ChannelEvent) {
        switch event {
        case .deliver(let delivery): self = .deliver(AMQPDelivery(delivery))
        case .returned(let value): self = .returned(AMQPReturn(value))
        case .acked(let tag, let multiple): self = .acked(tag, multiple: multiple)
        case .nacked(let tag, let multiple): self = .nacked(tag, multiple: multiple)
        case .cancelled(let tag): self = .cancelled(consumerTag: tag)
        case .closed(let error): self = .closed(AMQPClosure(error))
        case .answer: return nil
        }
    }
}

extension AMQPDelivery {
    fileprivate init(_ delivery: BasicDeliver) {
        self.init(
            consumerTag: delivery.consumerTag,
            deliveryTag: delivery.deliveryTag,
            redelivered: delivery.redelivered,
            exchange: delivery.exchange,
            routingKey: delivery.routingKey,
            message: delivery.message
        )
    }

    fileprivate init(_ answer: BasicGetOK) {
        self.init(
            consumerTag: nil,
            deliveryTag: answer.deliveryTag,
            redelivered: answer.redelivered,
            exchange: answer.exchange,
            routingKey: answer.routingKey,
            message: answer.message
        )
    }
}

extension AMQPReturn {
    fileprivate init(_ value: BasicReturn) {
        self.init(
            code: Int(value.code.rawValue),
            text: value.text,
            exchange: value.exchange,
            routingKey: value.routingKey,
            message: value.message
        )
    }
}

extension AMQPClosure {
    fileprivate init(_ error: AMQPException) {
        self.init(
            error.code.closesConnection ? .connection : .channel,
            code: Int(error.code.rawValue),
            text: error.text,
            classID: Int(error.method?.classID ?? 0),
            methodID: Int(error.method?.methodID ?? 0)
        )
    }
}
