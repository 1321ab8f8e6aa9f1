import DequeModule
import EnokiBroker
import EnokiInProcess

/// A channel of a client: carries out its methods on the broker, and tells the client what the broker has for it.
///
/// It lives on the event loop of its connection. What goes to the client, goes in the broker's order: a method is performed
/// when it comes, and its answer waits for its place among the broker's events.
final class ClientChannel {
    /// Where in its life the channel is.
    private enum Phase {
        /// Its first frame has come, or is to come; `channel.open` has not.
        case starting
        case open
        /// A method has failed: until the client has agreed to the end, nothing of what it sends is heard.
        case failed
        /// The client has closed it, and waits for the answer.
        case closing
    }

    let number: UInt16
    private let broker: ServerChannel
    /// The broker's name for it.
    var id: ChannelID { self.broker.id }
    private let messageSizeMax: Int
    private var phase = Phase.starting
    /// Whether a method has failed, and the client has not agreed to the end.
    var hasFailed: Bool { self.phase == .failed }
    private var assembly: ContentAssembly
    /// The answers to methods that have been performed, in their order.
    private var answers = Deque<Answer>()
    private var confirms = ConfirmRun()
    /// How many deliveries have been written since the broker was last told.
    private var writtenCount = 0

    init(number: UInt16, broker: ServerChannel, messageSizeMax: Int) {
        self.number = number
        self.broker = broker
        self.messageSizeMax = messageSizeMax
        self.assembly = ContentAssembly(sizeLimit: messageSizeMax)
    }

    /// Takes a frame of the client.
    ///
    /// - Returns: Whether it was the last one: the number of the channel is free.
    /// - Throws: ``ConnectionFailure`` when the frame makes no sense here.
    func receive(_ frame: Frame, _ output: inout ConnectionOutput) throws(ConnectionFailure) -> Bool {
        guard frame.kind == .method, !self.assembly.isWaiting else {
            if let complete = try self.assembly.receive(frame) { try self.publish(complete) }
            return false
        }
        let method: ClientMethod
        do throws(SyntaxError) { method = try ClientMethod.decode(from: frame.payload) } catch {
            guard error.reason == .methodOfServers else { throw ConnectionFailure(error) }
            switch self.phase {
            case .starting: throw .channelIsNotOpen(MethodID(classID: error.classID, methodID: error.methodID))
            case .open: throw ConnectionFailure(error)
            case .failed, .closing: return false
            }
        }
        return try self.receive(method, &output)
    }

    private func receive(
        _ method: ClientMethod,
        _ output: inout ConnectionOutput
    ) throws(ConnectionFailure) -> Bool {
        switch (method, self.phase) {
        case (.basicPublish(let exchange, let routingKey, let mandatory, let immediate), _):
            self.assembly.begin(
                .init(exchange: exchange, routingKey: routingKey, mandatory: mandatory, immediate: immediate)
            )
        case (.channelOpen, .starting):
            self.phase = .open
            output.write(.channelOpenOk, on: self.number)
        case (_, .starting): throw .channelIsNotOpen(method.id)
        case (.channelCloseOk, .failed): return true
        // Both sides have closed it at once.
        case (.channelClose, .failed): output.write(.channelCloseOk, on: self.number)
        case (.channelClose, .open):
            self.phase = .closing
            self.perform { (broker) throws(AMQPException) in
                try broker.closeInOrder()
                return .method(.channelCloseOk)
            }
        case (_, .open), (.channelOpen, _): try self.perform(method)
        case (_, .failed), (_, .closing): break
        }
        return false
    }

    /// Lets go of the channel.
    func abandon() { self.broker.abandon() }

    // MARK: - Methods

    private func publish(_ complete: ContentAssembly.Complete) throws(ConnectionFailure) {
        switch self.phase {
        case .starting: throw .channelIsNotOpen(.basicPublish)
        case .open: break
        case .failed, .closing: return
        }
        self.performUnanswered { (broker) throws(AMQPException) in
            guard complete.bodySize <= UInt64(self.messageSizeMax) else {
                let complaint =
                    "message size \(complete.bodySize) is larger than configured max size \(self.messageSizeMax)"
                return try broker.refuse(.basicPublish, AMQPException(.preconditionFailed, complaint))
            }
            guard let message = complete.message else {
                return try broker.publishUnreadable(
                    exchange: complete.publish.exchange,
                    immediate: complete.publish.immediate
                )
            }
            try broker.publish(
                message,
                exchange: complete.publish.exchange,
                routingKey: complete.publish.routingKey,
                mandatory: complete.publish.mandatory,
                immediate: complete.publish.immediate
            )
        }
    }

    /// Carries out a method that is answered, and keeps the answer until its place has come.
    func perform(noWait: Bool = false, _ body: (ServerChannel) throws(AMQPException) -> Answer) {
        do throws(AMQPException) {
            let answer = try body(self.broker)
            self.answers.append(noWait ? .none : answer)
        } catch {
            self.fail(error)
        }
    }

    /// Carries out a method that is answered only where it fails.
    func performUnanswered(_ body: (ServerChannel) throws(AMQPException) -> Void) {
        do throws(AMQPException) { try body(self.broker) } catch { self.fail(error) }
    }

    private func fail(_ error: AMQPException) {
        self.phase = .failed
        // What ends the whole connection, the connection tells.
        if !error.code.closesConnection { self.answers.append(.failure(error)) }
    }

    // MARK: - What the broker has for the client

    /// Writes an event of the broker.
    ///
    /// - Returns: Whether that was the end of the channel.
    func write(_ event: ChannelEvent, _ output: inout ConnectionOutput) -> Bool {
        switch event {
        case .deliver(let delivery):
            output.write(
                .basicDeliver(
                    consumerTag: delivery.consumerTag,
                    deliveryTag: delivery.deliveryTag,
                    redelivered: delivery.redelivered,
                    exchange: delivery.exchange,
                    routingKey: delivery.routingKey
                ),
                delivery.message,
                on: self.number
            )
            self.writtenCount += 1
        case .returned(let returned):
            output.write(
                .basicReturn(
                    code: returned.code.rawValue,
                    text: returned.text,
                    exchange: returned.exchange,
                    routingKey: returned.routingKey
                ),
                returned.message,
                on: self.number
            )
        case .acked(let sequence, let multiple):
            if multiple || !self.confirms.add(sequence) {
                output.write(.basicAck(sequence, multiple: multiple), on: self.number)
            }
        case .nacked(let sequence, let multiple):
            self.confirms.noteTold(sequence)
            output.write(.basicNack(sequence, multiple: multiple), on: self.number)
        case .cancelled(let tag):
            if output.canCancelConsumers { output.write(.basicCancel(consumerTag: tag), on: self.number) }
        case .answer:
            self.writeAnswer(&output)
            return self.phase == .closing && self.answers.isEmpty
        case .closed: break
        }
        return false
    }

    private func writeAnswer(_ output: inout ConnectionOutput) {
        self.writeConfirms(&output)
        switch self.answers.popFirst() {
        case .method(let method): output.write(method, on: self.number)
        case .message(let found):
            output.write(
                .basicGetOk(
                    deliveryTag: found.deliveryTag,
                    redelivered: found.redelivered,
                    exchange: found.exchange,
                    routingKey: found.routingKey,
                    messageCount: found.messageCount
                ),
                found.message,
                on: self.number
            )
        case .failure(let exception):
            output.write(.channelClose(ConnectionFailure(exception).close), on: self.number)
        case .some(.none), nil: break
        }
    }

    /// Writes the confirms that have been held back to be told at once.
    func writeConfirms(_ output: inout ConnectionOutput) {
        guard let run = self.confirms.take() else { return }
        output.write(.basicAck(run.sequence, multiple: run.isMultiple), on: self.number)
    }

    /// What was written is on its way, and the broker may send more.
    func noteSent() {
        guard self.writtenCount > 0 else { return }
        self.broker.noteSent(self.writtenCount)
        self.writtenCount = 0
    }
}
