import Logging

/// Does what a ``FailurePolicy`` has decided for a delivery. Nothing else in this module settles one of a handler, but ``Redeliveries``,
/// which answers again where an answer was lost with its channel.
///
/// A copy is published, mandatory and persistent, and confirmed by the broker, before the original is acknowledged: between
/// the two a lost connection makes a duplicate, never a loss. No worker waits for that. While a copy cannot be published
/// the original stays unacknowledged, so that its consumer gets no more than its prefetch of such messages.
final class Settler: Sendable {
    struct Copy: Sendable {
        let message: Message
        let routingKey: String
        let expiration: Duration?
        let token: DeliveryToken
        /// Whether the original is lost if the broker has died, see ``FailedMessage/hasComeBack``.
        let diesWithTheBroker: Bool
        let metadata: Logger.Metadata
    }

    private let broker: any Broker
    private let publishes: UnsettledPublishes
    private let timers: TimerQueue
    private let logger: Logger
    private let machine = Locked(StateMachine<Copy>())
    /// What came of declaring targets that were not declared, the last time.
    private let refusals = Locked<[CopyTarget: BrokerError]>([:])
    /// The messages that came back unsettled, by their queues.
    private let returns = Locked<[String: Doublings]>([:])
    /// The originals whose copies are not confirmed yet.
    private let unsettled = InFlight()
    private let toDeclare: AsyncStream<CopyTarget>
    private let declaring: AsyncStream<CopyTarget>.Continuation

    init(broker: any Broker, publishes: UnsettledPublishes, timers: TimerQueue, logger: Logger) {
        self.broker = broker
        self.publishes = publishes
        self.timers = timers
        self.logger = logger
        (self.toDeclare, self.declaring) = AsyncStream.makeStream()
    }

    /// Settles a delivery that has not failed, or is given up without a trace.
    func settle(_ delivery: Delivery, _ acknowledgement: Acknowledgement) { delivery.token.settle(acknowledgement) }

    /// Settles a delivery that has failed.
    ///
    /// - Parameters:
    ///   - failed: The delivery, with what is known of the failure.
    ///   - settlement: What was decided.
    ///   - deadline: Until when a caller waits.
    func settle(_ failed: FailedMessage, _ settlement: Settlement, deadline: Deadline? = nil) {
        switch settlement {
        case .acknowledge: self.settle(failed.delivery, .ack)
        case .requeue: self.settle(failed.delivery, .requeue)
        case .retry(let wait, let attempts):
            let timeLeft = deadline.map { $0.remaining - wait.delay }
            let copy = failed.retryCopy(attempts: attempts, timeLeft: timeLeft)
            self.publish(copy, of: failed, after: wait, timeLeft: timeLeft)
            self.logRetry(of: failed, wait, attempts: attempts)
        case .comeBack(let wait, let returns):
            self.publish(failed, after: wait, returns, deadline)
            self.logReturn(of: failed, wait, returns)
        case .putOff(let wait, let returns, let reason):
            self.publish(failed, after: wait, returns, deadline)
            self.logPutOff(of: failed, wait, reason)
        case .deadLetter(let reason, let attempts):
            let letter = failed.deadLetter(reason, attempts: attempts, host: hostname())
            self.publish(
                failed.copy(as: letter),
                of: failed,
                to: .deadLetters(ByteName(failed.queue)),
                routingKey: RetryTopology.deadLetterQueue(of: failed.queue)
            )
            self.logger.error(
                "given up: it goes to the dead letters",
                metadata: failed.metadata(reason, attempts: attempts)
            )
        }
    }

    /// Declares what copies need, until the task is cancelled; what waits then is given back.
    func run() async {
        await withDiscardingTaskGroup { group in
            for await target in self.toDeclare { group.addTask { await self.declare(target) } }
            self.perform(self.machine.withLock { $0.kill() })
        }
    }

    /// The container stops: originals whose copies find no place go back to their queues.
    func stop() { self.perform(self.machine.withLock { $0.stop() }) }

    /// Returns when every delivery that was given to it is settled.
    func waitUntilSettled() async { await self.unsettled.waitUntilNone() }

    // MARK: - Publishing

    private func publish(_ failed: FailedMessage, after wait: RetryDelay, _ returns: Returns, _ deadline: Deadline?) {
        let timeLeft = deadline.map { $0.remaining - wait.delay }
        self.publish(failed.returnedCopy(returns, timeLeft: timeLeft), of: failed, after: wait, timeLeft: timeLeft)
    }

    /// Publishes a copy that goes back to its queue.
    private func publish(_ message: Message, of failed: FailedMessage, after wait: RetryDelay, timeLeft: Duration?) {
        let queue = ByteName(failed.queue)
        if wait.step > .zero {
            let target = CopyTarget.waiting(wait.step, backTo: queue)
            self.publish(message, of: failed, to: target, routingKey: failed.queue, expiration: wait.delay)
        } else if let entrance = failed.entrance {
            self.publish(
                message,
                of: failed,
                to: .entrance(ByteName(entrance.exchange)),
                routingKey: entrance.routingKey,
                // As the request itself had it: nobody waits for it longer. One that waits elsewhere first would lose it there.
                expiration: timeLeft.map { max($0, .zero) }
            )
        } else {
            self.publish(message, of: failed, to: .queue(queue), routingKey: failed.queue)
        }
    }

    private func publish(
        _ message: Message,
        of failed: FailedMessage,
        to target: CopyTarget,
        routingKey: String,
        expiration: Duration? = nil
    ) {
        let copy = Copy(
            message: message,
            routingKey: routingKey,
            expiration: expiration,
            token: failed.delivery.token,
            diesWithTheBroker: failed.hasComeBack,
            metadata: failed.metadata
        )
        self.submit(copy, to: target)
    }

    private func submit(_ copy: Copy, to target: CopyTarget) {
        self.unsettled.begin()
        self.perform(self.machine.withLock { $0.submit(copy, to: target) })
    }

    private func perform(_ action: StateMachine<Copy>.Action?) {
        switch action {
        case nil: break
        case .publish(let copies, let target): for copy in copies { self.publish(copy, to: target) }
        case .declare(let target): self.declaring.yield(target)
        case .wait(let target, let delay, _):
            self.timers.schedule(after: delay) { self.perform(self.machine.withLock { $0.due(target) }) }
        case .giveBack(let copies):
            for copy in copies {
                copy.token.settle(.requeue)
                self.unsettled.end()
            }
        }
    }

    private func publish(_ copy: Copy, to target: CopyTarget) {
        // Of a channel that is gone the broker has the original, and delivers it again: the copy would be a second message.
        // It is made when that delivery comes here, and not if it goes to another process. Of what came back from a wait it is
        // made at once where the broker may have died: better twice than not at all.
        let isMadeNow =
            switch copy.token.loss {
            case nil: true
            case .uncertain: copy.diesWithTheBroker
            case .returned: false
            }
        guard isMadeNow || copy.token.isHeld(orCallLater: { self.submit(copy, to: target) }) else {
            return self.unsettled.end()
        }
        let forms = [copy.message, copy.message.withoutForeignHeaders, copy.message.withoutForeignParts]
        self.publish(copy, as: forms[...], to: target)
    }

    /// Publishes the first of `forms` that can be sent.
    private func publish(_ copy: Copy, as forms: ArraySlice<Message>, to target: CopyTarget) {
        guard let form = forms.first else { return self.unsettled.end() }
        self.send(copy, form, to: target) { result in
            if case .failure(let error) = result, error.code == .invalidArgument, forms.count > 1 {
                return self.publish(copy, as: forms.dropFirst(), to: target)
            }
            self.note(result, copy, target)
        }
    }

    private func send(
        _ copy: Copy,
        _ message: Message,
        to target: CopyTarget,
        completion: @escaping @Sendable (Result<Void, BrokerError>) -> Void
    ) {
        self.publishes.publish(
            message,
            to: target.exchange,
            routingKey: copy.routingKey,
            options: PublishOptions(
                mandatory: true,
                persistent: true,
                expiration: copy.expiration,
                timeout: Self.patience
            ),
            completion: completion
        )
    }

    /// How long a confirm is waited for: as long as RabbitMQ lets an original be unacknowledged (`consumer_timeout`). A copy that is
    /// published anew because its confirm is late would be a second message.
    private static let patience = Duration.seconds(1800)

    private func note(_ result: Result<Void, BrokerError>, _ copy: Copy, _ target: CopyTarget) {
        switch result {
        case .success:
            let wasBlocked = self.machine.withLock { $0.published(to: target) }
            copy.token.settle(.ack)
            self.unsettled.end()
            if wasBlocked { self.logger.info("failed messages find their way to \(target) again") }
        case .failure(let error):
            let isMissing = error.code == .unroutable || error.code == .notFound
            let action = self.machine.withLock { machine in
                machine.couldNotPublish(copy, to: target, isMissing ? .missing : .other)
            }
            self.log(error, target, action, copy.metadata)
            self.perform(action)
        }
    }

    private func declare(_ target: CopyTarget) async {
        do throws(BrokerError) {
            try await self.broker.declare(target.topology)
            self.refusals.withLock { $0[target] = nil }
            self.perform(self.machine.withLock { $0.declared(target) })
        } catch {
            self.refusals.withLock { $0[target] = error }
            if target.isUsable(despite: error) {
                return self.perform(self.machine.withLock { $0.declared(target) })
            }
            let action = self.machine.withLock { $0.couldNotDeclare(target) }
            self.log(error, target, action, [:])
            self.perform(action)
        }
    }

    // MARK: - Logging

    private func logRetry(of failed: FailedMessage, _ wait: RetryDelay, attempts: Int) {
        let delay: Logger.Metadata = ["delay": "\(wait.delay)"]
        guard !(failed.error is ClaimedElsewhere) else {
            return self.logger.notice(
                "its message is in work elsewhere, or its process has died and the lease goes on: this delivery of it waits",
                metadata: failed.metadata.merging(delay) { $1 }
            )
        }
        self.logger.warning(
            "failed: it will be tried again",
            metadata: failed.metadata(failed.reason, attempts: attempts).merging(delay) { $1 }
        )
    }

    /// After a crash of the broker all that was in its queues comes back at once: of many, few have a line. What has returned before may
    /// kill, and is always named.
    private func logReturn(of failed: FailedMessage, _ wait: RetryDelay, _ returns: Returns) {
        let now = self.timers.now
        let count = self.returns.withLock { $0[failed.queue, default: Doublings(within: .seconds(60))].note(at: now) }
        var metadata: Logger.Metadata = [
            "redeliveries": "\(returns.count)", "delay": "\(wait.delay)", LoggingKeys.reason: "unsettled",
        ]
        if let count { metadata["messages_within_a_minute"] = "\(count)" }
        self.logger.log(
            level: count == nil && returns.count < 2 ? .debug : .notice,
            "came back unsettled, from a process that stopped, or died, perhaps of it, or the broker was restarted: a copy takes its place",
            metadata: failed.metadata.merging(metadata) { $1 }
        )
    }

    /// At debug: each is put off every few seconds, and said to have come back before.
    private func logPutOff(of failed: FailedMessage, _ wait: RetryDelay, _ reason: Settlement.PutOffReason) {
        let text =
            switch reason {
            case .quarantine:
                "put off: it has come back before, as others have that are in work, one of which may kill the process"
            case .pause: "put off: it has come back before, and its handler is paused"
            }
        self.logger.debug("\(text)", metadata: failed.metadata.merging(["delay": "\(wait.delay)"]) { $1 })
    }

    /// Logs the first failure of a target and then each that doubles their number.
    private func log(
        _ error: BrokerError,
        _ target: CopyTarget,
        _ action: StateMachine<Copy>.Action?,
        _ metadata: Logger.Metadata
    ) {
        guard case .wait(_, let delay, let failures) = action, failures & (failures - 1) == 0 else { return }
        // Without its declaration's error the log would say that there is no way, and not why.
        let refusal = self.refusals.withLock { $0[target] }.flatMap { $0 == error ? nil : "\($0)" }
        self.logger.error(
            "failed messages find no way to \(target): they stay unacknowledged, and the next try is in \(delay)",
            metadata: metadata.merging([
                LoggingKeys.error: "\(refusal.map { "\(error), since it could not be declared: \($0)" } ?? "\(error)")",
                "failures": "\(failures)",
            ]) { $1 }
        )
    }
}

extension FailedMessage {
    /// What the log says of the message and its call.
    fileprivate var metadata: Logger.Metadata {
        var metadata: Logger.Metadata = [
            LoggingKeys.entrypoint: "\(self.entrypoint)", LoggingKeys.queue: "\(self.queue)",
            LoggingKeys.messageID: .stringConvertible(LoggedMessageID(id: self.messageID)),
        ]
        if let callID = self.callID { metadata[LoggingKeys.callID] = "\(callID)" }
        return metadata
    }

    /// The same with the failure, as a dead letter has it.
    fileprivate func metadata(_ reason: DeadLetterReason, attempts: Int) -> Logger.Metadata {
        self.metadata.merging([
            LoggingKeys.attempts: "\(attempts)", LoggingKeys.reason: "\(reason.rawValue)",
            LoggingKeys.errorType: "\(FailureText.typeName(of: self.error))", LoggingKeys.error: "\(self.errorText)",
        ]) { $1 }
    }
}
