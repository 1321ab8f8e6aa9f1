import EnokiBroker
import EnokiInProcess
import EnokiTestSupport
import Testing

@testable import Enoki

/// A service's side of RPC, on a broker that confirms when the test says.
@Suite struct RPCConsumerTests {
    /// Keeps the replies that are published, unconfirmed, and writes down what becomes of consumer and deliveries.
    private final class Desk: Broker {
        typealias Completion = @Sendable (Result<Void, BrokerError>) -> Void

        let unconfirmed = Collector<Completion>()
        let consumers = Collector<Listening>()
        let events = Collector<String>()
        /// What it answers to the first declarations.
        let refusals = Locked<[BrokerError]>([])

        final class Listening: Consumer {
            let onDelivery: @Sendable (Delivery) -> Void
            let isCancelled = Latch()
            let events: Collector<String>

            init(_ events: Collector<String>, _ onDelivery: @escaping @Sendable (Delivery) -> Void) {
                self.events = events
                self.onDelivery = onDelivery
            }

            var isActive: Bool { !self.isCancelled.isOpen }
            func cancel() async { self.isCancelled.open() }
            func close() async { self.events.append("consumer closed") }

            func deliver(_ correlationID: String, isHeld: Bool = true) {
                let properties = BasicProperties(correlationID: correlationID, replyTo: "caller")
                let token = DeliveryToken(loss: { isHeld ? nil : .uncertain }) {
                    self.events.append("\(correlationID) \($0)")
                }
                self.onDelivery(
                    Delivery(
                        message: Message(#"{"args": [1, 2], "kwargs": {}}"#, properties: properties),
                        exchange: "nameko-rpc",
                        routingKey: "calculator.add",
                        redelivered: false,
                        token: token
                    )
                )
            }
        }

        let address = "desk"
        let status = BrokerStatus.connected
        func statusUpdates() -> AsyncStream<BrokerStatus> {
            AsyncStream { continuation in
                continuation.yield(.connected)
                continuation.finish()
            }
        }
        func run() async throws { await Latch().wait() }
        func declare(_ topology: Topology) async throws(BrokerError) {
            if let refusal = self.refusals.withLock({ $0.popLast() }) { throw refusal }
        }

        func publish(
            _ message: Message,
            to exchange: String,
            routingKey: String,
            options: PublishOptions,
            completion: @escaping Completion
        ) -> PublishTicket {
            self.unconfirmed.append(completion)
            return PublishTicket { self.events.append("given up") }
        }

        func consume(
            _ queue: String,
            options: ConsumerOptions,
            onDelivery: @escaping @Sendable (Delivery) -> Void
        ) async throws(BrokerError) -> any Consumer {
            let consumer = Listening(self.events, onDelivery)
            self.consumers.append(consumer)
            return consumer
        }

        func inspect(queue: String) async throws(BrokerError) -> QueueStatus { throw BrokerError(.notFound, queue) }
        func unbind(_ binding: Binding) async throws(BrokerError) {}
        func purge(queue: String) async throws(BrokerError) -> Int { 0 }
        func delete(queue: String) async throws(BrokerError) {}
        func delete(exchange: String) async throws(BrokerError) {}
    }

    /// Runs a calculator with one worker that has answered two requests, unconfirmed yet, and then stops it.
    private func stopping(_ desk: Desk, confirm: ([Desk.Completion]) -> Void) async throws {
        var settings = ServiceSettings()
        settings.maxWorkers = 1
        let host = try ServiceHost(
            broker: desk,
            services: [Calculator()],
            settings: settings,
            logger: TestBroker.silent
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await host.run() }
            let consumer = try await desk.consumers.first()[0]
            consumer.deliver("first")
            consumer.deliver("second")
            // The one worker has not waited for the first reply's confirm.
            let unconfirmed = try await desk.unconfirmed.first(2)
            #expect(desk.events.elements.isEmpty)
            host.stop()
            await consumer.isCancelled.wait()
            // A chance to go wrong.
            for _ in 0..<1000 { await Task.yield() }
            confirm(unconfirmed)
            try await group.waitForAll()
        }
    }

    @Test func aRequestIsAcknowledgedWhenItsReplyIsConfirmedAlsoByAServiceThatStops() async throws {
        let desk = Desk()
        try await self.stopping(desk) { unconfirmed in
            for completion in unconfirmed { completion(.success(())) }
        }
        #expect(desk.events.elements == ["first ack", "second ack", "consumer closed"])
    }

    /// The broker answers, but slowly: a stop that closes the consumer before would have the method run twice.
    @Test func aStopWaitsForAReplysConfirmAsLongAsItsGracePeriod() async throws {
        let desk = Desk()
        let clock = VirtualClock()
        let host = try ServiceHost(broker: desk, services: [Calculator()], clock: clock, logger: TestBroker.silent)
        try await withTaskExecutorPreference(clock.executor) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await host.run() }
                let consumer = try await desk.consumers.first()[0]
                consumer.deliver("first")
                let unconfirmed = try await desk.unconfirmed.first()
                host.stop()
                await consumer.isCancelled.wait()
                for _ in 0..<20 { await clock.advance(by: .seconds(1)) }
                #expect(desk.events.elements.isEmpty)
                unconfirmed[0](.success(()))
                try await group.waitForAll()
            }
            #expect(desk.events.elements == ["first ack", "consumer closed"])
        }
    }

    /// RabbitMQ says 404 of a durable queue whose node is down, and of one that another process is just declaring.
    @Test func aQueueThatIsOutOfReachIsAskedForAgainWhileAServiceStarts() async throws {
        let desk = Desk()
        let away = "NOT_FOUND - home node 'a@b' of durable queue 'enoki.lost' in vhost '/' is down or inaccessible"
        desk.refusals.withLock { $0 = [BrokerError(.notFound, "declaring queue 'enoki.lost' failed: \(away)")] }
        let recorder = LogRecorder()
        let host = try ServiceHost(broker: desk, services: [Calculator()], logger: recorder.logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await host.run() }
            try await desk.consumers.first()
            host.stop()
            try await group.waitForAll()
        }
        _ = try await recorder.entry(containing: "asking again")
    }

    /// Nobody will make it.
    @Test func whatDoesNotExistEndsAStart() async throws {
        let desk = Desk()
        desk.refusals.withLock { $0 = [BrokerError(.notFound, "NOT_FOUND - no exchange 'x' in vhost '/'")] }
        let host = try ServiceHost(broker: desk, services: [Calculator()], logger: TestBroker.silent)
        await #expect(throws: BrokerError.self) { try await host.run() }
    }

    @Test func aRequestWhoseReplyNobodyTookIsDeliveredAgain() async throws {
        let desk = Desk()
        try await self.stopping(desk) { unconfirmed in
            unconfirmed[0](.failure(BrokerError(.notSent, "not connected")))
            // It may have been sent: the method must not run twice.
            unconfirmed[1](.failure(BrokerError(.outcomeUnknown, "not confirmed in time")))
        }
        #expect(desk.events.elements == ["first requeue", "second ack", "consumer closed"])
    }

    /// The broker went away with it, and with the request: whoever gets that again would not know what came of it.
    @Test func aReplyThatMayHaveGoneWithItsConnectionIsSentAgain() async throws {
        let desk = Desk()
        let host = try ServiceHost(broker: desk, services: [Calculator()], logger: TestBroker.silent)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await host.run() }
            try await desk.consumers.first()[0].deliver("first", isHeld: false)
            let unconfirmed = try await desk.unconfirmed.first()
            unconfirmed[0](.failure(BrokerError(.outcomeUnknown, "the connection was lost")))
            try await desk.unconfirmed.first(2)[1](.success(()))
            try await eventually("it is settled") { desk.events.elements == ["first ack"] }
            host.stop()
            try await group.waitForAll()
        }
    }
}
