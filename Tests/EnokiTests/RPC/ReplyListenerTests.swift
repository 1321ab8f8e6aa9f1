import EnokiBroker
import EnokiTestSupport
import Logging
import Testing

@testable import Enoki

/// The calls of a process, on a broker that does only what the test says.
@Suite struct ReplyListenerTests {
    /// Keeps what is published, and confirms it; nothing else happens by itself.
    private final class Desk: Broker {
        let published = Collector<Message>()
        let consumers = Collector<Desk.Listening>()
        let isConnected = Latch()
        let hasAsked = Latch()
        /// The confirms that it keeps back, where it does.
        let unconfirmed = Collector<@Sendable (Result<Void, BrokerError>) -> Void>()
        let keepsConfirms = Latch()

        final class Listening: Consumer {
            let options: ConsumerOptions
            let onQueueLost: @Sendable () -> Void
            let onDelivery: @Sendable (Delivery) -> Void
            let isClosed = Latch()

            init(
                _ options: ConsumerOptions,
                _ onQueueLost: @escaping @Sendable () -> Void,
                _ onDelivery: @escaping @Sendable (Delivery) -> Void
            ) {
                self.options = options
                self.onQueueLost = onQueueLost
                self.onDelivery = onDelivery
            }

            func reply(_ text: String, to request: Message) {
                let properties = BasicProperties(correlationID: request.properties.correlationID)
                self.onDelivery(
                    Delivery(
                        message: Message(text, properties: properties),
                        exchange: "",
                        routingKey: "",
                        redelivered: false,
                        token: DeliveryToken { _ in }
                    )
                )
            }

            var isActive: Bool { !self.isClosed.isOpen }
            func cancel() async { self.isClosed.open() }
            func close() async { self.isClosed.open() }
        }

        let address = "desk"
        let status = BrokerStatus.connected
        func statusUpdates() -> AsyncStream<BrokerStatus> { AsyncStream { $0.finish() } }
        func run() async throws {}

        func declare(_ topology: Topology) async throws(BrokerError) {
            self.hasAsked.open()
            await self.isConnected.wait()
            if !self.isConnected.isOpen { throw BrokerError(.timedOut, "the task was cancelled") }
        }

        func publish(
            _ message: Message,
            to exchange: String,
            routingKey: String,
            options: PublishOptions,
            completion: @escaping @Sendable (Result<Void, BrokerError>) -> Void
        ) -> PublishTicket {
            // Whoever sees a message as published finds it confirmed, or what confirms it.
            if self.keepsConfirms.isOpen { self.unconfirmed.append(completion) } else { completion(.success(())) }
            self.published.append(message)
            return PublishTicket()
        }

        func consume(
            _ queue: String,
            options: ConsumerOptions,
            onDelivery: @escaping @Sendable (Delivery) -> Void
        ) async throws(BrokerError) -> any Consumer {
            try await self.consume(queue, options: options, onQueueLost: {}, onDelivery: onDelivery)
        }

        func consume(
            _ queue: String,
            options: ConsumerOptions,
            onQueueLost: @escaping @Sendable () -> Void,
            onDelivery: @escaping @Sendable (Delivery) -> Void
        ) async throws(BrokerError) -> any Consumer {
            let consumer = Listening(options, onQueueLost, onDelivery)
            self.consumers.append(consumer)
            return consumer
        }

        func inspect(queue: String) async throws(BrokerError) -> QueueStatus { throw BrokerError(.notFound, queue) }
        func unbind(_ binding: Binding) async throws(BrokerError) {}
        func purge(queue: String) async throws(BrokerError) -> Int { 0 }
        func delete(queue: String) async throws(BrokerError) {}
        func delete(exchange: String) async throws(BrokerError) {}
    }

    private let desk = Desk()
    private let timers = TimerQueue(clock: ContinuousClock())
    private let listener: ReplyListener

    init() {
        self.listener = ReplyListener(
            name: "test",
            broker: self.desk,
            timers: self.timers,
            settings: ServiceSettings(),
            logger: TestBroker.silent
        )
    }

    private func call(timeout: Duration = .seconds(3600)) async throws -> Message {
        try await self.listener.call(Message("request"), service: "service", method: "method", timeout: timeout)
    }

    /// Runs the timers and `body`.
    private func withTimers(_ body: () async throws -> Void) async rethrows {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await self.timers.run() }
            defer { group.cancelAll() }
            try await body()
        }
    }

    @Test func aReplyIsAcknowledgedWhenItIsHere() async throws {
        self.desk.isConnected.open()
        async let reply = self.call()
        let request = try await self.desk.published.first()[0]
        let consumer = try await self.desk.consumers.first()[0]
        // One that the broker counts as done when it is sent is lost with the connection.
        #expect(!consumer.options.automaticAcknowledgement)
        let settled = Collector<Acknowledgement>()
        for correlationID in [request.properties.correlationID, "of nobody", nil] {
            let message = Message("reply", properties: BasicProperties(correlationID: correlationID))
            let token = DeliveryToken { settled.append($0) }
            consumer.onDelivery(
                Delivery(message: message, exchange: "", routingKey: "", redelivered: false, token: token)
            )
        }
        #expect(try await reply.body == Array("reply".utf8))
        #expect(settled.elements == [.ack, .ack, .ack])
    }

    @Test func aCallThatIsCancelledBeforeTheQueueIsThereFailsNoOther() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            let first = Task { try await self.call() }
            await self.desk.hasAsked.wait()
            group.addTask { _ = try await self.call() }
            // The second has to wait for the first; nothing tells when it does, and either way it must not fail.
            for _ in 0..<100 { await Task.yield() }
            first.cancel()
            await #expect(throws: (any Error).self) { try await first.value }
            self.desk.isConnected.open()
            _ = try await self.desk.published.first()
            await self.listener.close()
            await #expect(throws: BrokerError.self) { try await group.waitForAll() }
        }
        #expect(self.desk.published.count == 1)
    }

    @Test func aCallEndsAtItsDeadlineWhileTheBrokerIsAway() async throws {
        try await self.withTimers {
            let ended = Collector<any Error>()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<2 {
                    group.addTask {
                        do {
                            _ = try await self.call(timeout: .milliseconds(10))
                        } catch {
                            ended.append(error)
                        }
                    }
                }
                defer { group.cancelAll() }
                let errors = try await ended.first(2)
                #expect(errors.allSatisfy { $0 is RPCTimeout })
            }
        }
        #expect(self.desk.published.count == 0)
    }

    @Test func closingEndsAConsumerThatIsOnItsWay() async throws {
        await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { _ = try await self.call() }
            await self.desk.hasAsked.wait()
            await self.listener.close()
            self.desk.isConnected.open()
            await #expect(throws: BrokerError.self) { try await group.waitForAll() }
        }
        #expect(self.desk.consumers.elements.allSatisfy { $0.isClosed.isOpen })
        #expect(self.desk.published.count == 0)
    }

    // MARK: - When the queue is lost

    @Test func callsThatWaitForARepliesQueueThatIsLostFailAtOnce() async throws {
        self.desk.isConnected.open()
        let errors = Collector<any Error>()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<3 {
                group.addTask {
                    do {
                        _ = try await self.call()
                    } catch {
                        errors.append(error)
                    }
                }
            }
            try await self.desk.published.first(3)
            let consumer = try await self.desk.consumers.first()[0]
            consumer.onQueueLost()
            try await group.waitForAll()
            let expected = ReplyQueueLost(service: "service", method: "method")
            #expect(errors.elements.allSatisfy { $0 as? ReplyQueueLost == expected })
            #expect(errors.count == 3)
            #expect("\(errors.elements[0])".contains("service.method"))
            // The next one gets its reply by the new queue.
            async let next = self.call()
            consumer.reply("reply", to: try await self.desk.published.first(4)[3])
            #expect(try await next.body == Array("reply".utf8))
        }
    }

    @Test func aRequestThatIsStillToBeSentIsAnsweredByTheNewQueue() async throws {
        self.desk.isConnected.open()
        self.desk.keepsConfirms.open()
        async let reply = self.call()
        let request = try await self.desk.published.first()[0]
        let consumer = try await self.desk.consumers.first()[0]
        // The transport sends it again, or for the first time, when it can.
        consumer.onQueueLost()
        try await self.desk.unconfirmed.first()[0](.success(()))
        consumer.reply("reply", to: request)
        #expect(try await reply.body == Array("reply".utf8))
    }

    @Test func aRequestOfWhichNobodyKnowsWhetherItWasSentFailsWithTheQueue() async throws {
        self.desk.isConnected.open()
        self.desk.keepsConfirms.open()
        await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { _ = try await self.call() }
            await #expect(throws: ReplyQueueLost.self) {
                try await self.desk.unconfirmed.first()[0](.failure(BrokerError(.outcomeUnknown, "")))
                try await self.desk.consumers.first()[0].onQueueLost()
                try await group.waitForAll()
            }
        }
    }

    @Test(
        .bug("https://github.com/nameko/nameko/pull/504", "nameko: a call whose reply queue has expired hangs"),
        .bug(
            "https://github.com/nameko/nameko/blob/v2.14.1/test/test_rpc.py#L708",
            "nameko: the test of a lost reply queue is skipped"
        ),
        .bug(
            "https://github.com/nameko/nameko/blob/v2.14.1/test/standalone/test_rpc_proxy.py#L202",
            "nameko: so is the one of the standalone proxy"
        ),
        arguments: TestBroker.allCases
    )
    func onARealBrokerTooCallsFailWhenTheirQueueIsGoneAndTheNextAreAnswered(on kind: TestBroker) async throws {
        try await kind.withFixture { fixture in
            let settings = ServiceSettings()
            let broker = fixture.broker
            let listener = ReplyListener(
                name: "test",
                broker: broker,
                timers: TimerQueue(clock: ContinuousClock()),
                settings: settings,
                logger: TestBroker.silent
            )
            let requests = Collector<Delivery>()
            try await broker.declare(RPCTopology.requests(to: "service", settings))
            _ = try await broker.consume(RPCTopology.serviceQueue("service").name) {
                requests.append($0)
                $0.token.settle(.ack)
            }
            @Sendable func call() async throws -> Message {
                let hour = Duration.seconds(3600)
                return try await listener.call(Message("request"), service: "service", method: "method", timeout: hour)
            }
            let isLost = Collector<Bool>()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    do {
                        _ = try await call()
                    } catch {
                        isLost.append(error is ReplyQueueLost)
                    }
                }
                let request = try await requests.first()[0].message
                let queue = RPCTopology.replies(to: "test", replyTo: listener.replyTo, settings).queues[0].name
                let other = try await fixture.connect()
                // Until the confirm of the request is here too, it counts as one that may be sent again.
                try await eventually("the call fails") {
                    try await other.delete(queue: queue)
                    return isLost.count == 1
                }
                #expect(isLost.elements == [true])
                #expect(request.properties.replyTo == listener.replyTo)
            }
            try await eventually("the queue is there again, with its consumer") {
                let queue = RPCTopology.replies(to: "test", replyTo: listener.replyTo, settings).queues[0].name
                return try await broker.inspect(queue: queue).consumerCount == 1
            }
            async let reply = call()
            let request = try await requests.first(2)[1].message
            let properties = BasicProperties(correlationID: request.properties.correlationID)
            try await broker.publish(
                Message("reply", properties: properties),
                to: settings.rpcExchange,
                routingKey: request.properties.replyTo ?? "",
                options: PublishOptions(mandatory: true)
            )
            #expect(try await reply.body == Array("reply".utf8))
            await listener.close()
        }
    }
}
