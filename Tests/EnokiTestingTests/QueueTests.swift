import EnokiTestSupport
import EnokiTesting
import Testing

@Suite struct QueueTests {
    @Test func aTestLooksIntoQueuesAndTakesMessages() async throws {
        try await withServices(Shop.Payments()) { cluster in
            try await cluster.broker.declare(
                Topology(
                    queues: [Queue("copies")],
                    bindings: [Binding(from: "orders.events", toQueue: "copies", routingKey: "#")]
                )
            )
            for customer in ["ada", "bob"] { try await cluster.dispatch(Shop.OrderPlaced(customer: customer)) }
            #expect(try cluster.snapshot()[queue: "copies"]?.ready.count == 2)
            let first = try #require(try await cluster.takeMessage(from: "copies"))
            #expect(String(decoding: first.body, as: UTF8.self) == #"{"customer":"ada"}"#)
            // The second was not touched by that.
            let seen = Locked<[Bool]>([])
            let hasCome = Latch()
            let consumer = try await cluster.broker.consume("copies") { delivery in
                seen.withLock { $0.append(delivery.redelivered) }
                delivery.token.settle(.requeue)
                hasCome.open()
            }
            await hasCome.wait()
            await consumer.close()
            #expect(seen.withLock { $0.first } == false)
            #expect(try await cluster.takeMessage(from: "copies") != nil)
            #expect(try await cluster.takeMessage(from: "copies") == nil)
            await #expect(throws: BrokerError.self) { try await cluster.takeMessage(from: "none") }
        }
    }

    @Test func whatComesFromOutsideIsWaitedFor() async throws {
        try await withServices(Shop.Payments()) { cluster in
            async let status = cluster.waitForQueue("work") { $0.messageCount == 2 }
            try await cluster.broker.declare(Topology(queues: [Queue("work")]))
            for _ in 1...2 { try await cluster.broker.publish(Message("hello"), to: "", routingKey: "work") }
            #expect(try await status == QueueStatus(name: "work", messageCount: 2, consumerCount: 0))
        }
    }

    @Test func whatIsWaitedForInVainIsSaid() async throws {
        try await withServices(Shop.Payments(), patience: .milliseconds(50)) { cluster in
            let missing = await #expect(throws: ExpectationError.self) {
                try await cluster.waitForQueue("none") { _ in true }
            }
            #expect(
                missing?.description.hasPrefix(
                    "queue 'none' was not as expected within 0.05 seconds: there is none of that name"
                ) == true
            )
            try await cluster.broker.declare(Topology(queues: [Queue("work")]))
            let idle = await #expect(throws: ExpectationError.self) {
                try await cluster.waitForQueue("work") { $0.consumerCount > 0 }
            }
            #expect(idle?.description.contains("it has 0 messages and 0 consumers") == true)
        }
    }

    @Test func whatNeverBecomesQuietEndsWithTheTestsPatience() async throws {
        struct Sulking: Microservice {
            static let name = "sulking"
            var entrypoints: [any Entrypoint] {
                EventHandler("refuse", of: "orders", "placed", requeueOnError: true) { (_: Int) in throw Refusal() }
            }
        }
        struct Refusal: Error {}
        try await withServices(Sulking(), patience: .milliseconds(100)) { cluster in
            try await cluster.dispatch(from: "orders", "placed", 1)
            let error = await #expect(throws: ExpectationError.self) { try await cluster.waitUntilQuiet() }
            #expect(error?.description.hasPrefix("the services did not become quiet within 0.1 seconds") == true)
            try await cluster.broker.delete(queue: "evt-orders-placed--sulking.refuse")
            try await eventually("it is quiet") {
                try await cluster.waitUntilQuiet()
                return true
            }
        }
    }

    @Test func aBrokerOfTheTestsOwnTakesNoFaults() async throws {
        await #expect(throws: ConfigurationError.self) {
            let connect = { @Sendable () -> any Broker in InProcessBroker() }
            try await withServices(Shop.Payments(), connect: connect, faults: [.duplicate(.delivery(1))]) { _ in }
        }
    }

    @Test(arguments: [
        FaultPlan([.loseConfirm(of: .publish(2))]), [.delayConfirm(of: .publish(2), by: .seconds(20))],
        [.blockPublishers(after: .publish(1), for: .seconds(20))],
    ])
    func aReplyWhoseConfirmDoesNotComeHoldsNoTest(faults: FaultPlan) async throws {
        struct Answering: Microservice {
            static let name = "answering"
            var entrypoints: [any Entrypoint] { RPC("answer", method: self.answer) }
            func answer() async throws -> Int { 42 }
        }
        try await withServices(Answering(), faults: faults) { cluster in
            if faults == [.blockPublishers(after: .publish(1), for: .seconds(20))] {
                async let answer: Int = cluster.rpc("answering").answer()
                try await cluster.waitUntilQuiet()
                await cluster.clock.advance(by: .seconds(20))
                #expect(try await answer == 42)
            } else {
                let answer: Int = try await cluster.rpc("answering").answer()
                #expect(answer == 42)
            }
        }
    }
}
