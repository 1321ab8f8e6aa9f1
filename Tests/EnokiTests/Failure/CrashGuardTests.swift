import Enoki
import EnokiTestSupport
import EnokiTesting
import Testing

/// Messages that come back unsettled, from processes that may have died of them.
@Suite(.timeLimit(.minutes(5))) struct CrashGuardTests {
    private struct Witness: Microservice {
        static let name = "witness"
        static let queue = "evt-press-published--witness.on_published"
        static let deadLetters = queue + ".dead"

        struct Sighting: Sendable, Equatable {
            let title: String
            let redelivered: Bool
            let redeliveries: Int64?
            let attempt: Int
        }

        let sightings = Shelf<Sighting>()
        var policy: FailurePolicy = .default

        var entrypoints: [any Entrypoint] {
            EventHandler("on_published", onFailure: policy) { (event: Published) in
                let context = WorkerContext.current
                let header = context?.message?.properties.headers[FailureHeaders.redeliveries]
                let sighting = Sighting(
                    title: event.title,
                    redelivered: context?.redelivered ?? false,
                    redeliveries: header?.integerValue,
                    attempt: context?.attempt ?? 0
                )
                sightings.put(sighting)
            }
            RPC("look") { () -> String in "seen" }
        }
    }

    /// Takes `count` messages out of a queue, as a process that then dies.
    private func takeAndDie(_ queue: String, _ cluster: Cluster, count: Int = 1) async throws {
        let taken = Collector<Delivery>()
        let consumer = try await cluster.broker.consume(queue, options: ConsumerOptions(prefetch: count)) { delivery in
            taken.append(delivery)
        }
        try await eventually("it has them", equals: count) { taken.elements.count }
        await consumer.close()
        try await cluster.waitForQueue(queue) { $0.messageCount >= count }
    }

    /// Lets a first process of the service declare its queue, and another prepare what is in it; then runs the service.
    private func run(
        _ witness: Witness,
        on broker: TestBroker,
        limit: Int = 5,
        logger: Logger = TestBroker.silent,
        prepare: @Sendable (Cluster) async throws -> Void,
        _ body: (Cluster) async throws -> Void
    ) async throws {
        var settings = ServiceSettings()
        settings.deliveryLimit = limit
        try await broker.withConnections { connect in
            try await withServices(Witness(policy: witness.policy), connect: connect) { _ in }
            try await withServices(connect: connect) { try await prepare($0) }
            try await withServices(witness, settings: settings, connect: connect, logger: logger) { cluster in
                try await body(cluster)
            }
            try await withServices(connect: connect) { cluster in
                let status = try await cluster.broker.inspect(queue: Witness.queue)
                #expect(status.messageCount == 0)
            }
        }
    }

    @Test(arguments: TestBroker.allCases)
    func aMessageOfAnotherProcessIsCountedBeforeItIsHandled(_ broker: TestBroker) async throws {
        let witness = Witness()
        try await self.run(witness, on: broker) { cluster in
            try await cluster.broker.publish(.published("new"), to: "press.events", routingKey: "published")
            try await self.takeAndDie(Witness.queue, cluster)
        } _: { cluster in
            try await eventually("it is handled", equals: 1) {
                await cluster.clock.advance(by: .seconds(1))
                return witness.sightings.elements.count
            }
            try await cluster.dispatch(Published(title: "other"))
            try await eventually("both are handled", equals: 2) { witness.sightings.elements.count }
        }
        #expect(
            witness.sightings.elements == [
                .init(title: "new", redelivered: true, redeliveries: 1, attempt: 1),
                .init(title: "other", redelivered: false, redeliveries: nil, attempt: 1),
            ]
        )
    }

    @Test(arguments: TestBroker.allCases)
    func itWaitsBeforeItIsHandledAgain(_ broker: TestBroker) async throws {
        let witness = Witness()
        let start = ContinuousClock.now
        try await self.run(witness, on: broker) { cluster in
            try await cluster.broker.publish(.published("a", redeliveries: 1), to: "", routingKey: Witness.queue)
            try await self.takeAndDie(Witness.queue, cluster)
        } _: { cluster in
            try await eventually("it is handled", equals: [2 as Int64?]) {
                // Back from the broker, it waits for those that came with it to be put off.
                await cluster.clock.advance(by: .seconds(1))
                return witness.sightings.elements.map(\.redeliveries)
            }
        }
        #expect(ContinuousClock.now - start >= .seconds(1))
    }

    @Test(arguments: TestBroker.allCases)
    func aMessageThatComesBackTooOftenIsADeadLetterAndNoOtherIs(_ broker: TestBroker) async throws {
        let witness = Witness()
        try await self.run(witness, on: broker) { cluster in
            try await cluster.broker.publish(.published("bad", redeliveries: 5), to: "", routingKey: Witness.queue)
            for title in ["a", "b", "c"] {
                try await cluster.broker.publish(.published(title), to: "press.events", routingKey: "published")
            }
            try await self.takeAndDie(Witness.queue, cluster, count: 4)
        } _: { cluster in
            try await cluster.waitForQueue(Witness.deadLetters) { $0.messageCount == 1 }
            try await eventually("the others are handled", equals: ["a", "b", "c"]) {
                await cluster.clock.advance(by: .seconds(1))
                return witness.sightings.elements.map(\.title).sorted()
            }
            let dead = try #require(try await cluster.takeMessage(from: Witness.deadLetters))
            let letter = try #require(DeadLetter(dead.properties.headers))
            #expect(letter.reason == .crash)
            #expect(letter.errorType == "enoki.DeliveryLimitExceeded")
            #expect(letter.error.hasPrefix("the message came back unsettled 6 times"))
            #expect(letter.entrypoint == "on_published")
            #expect(letter.exchange == "press.events")
            #expect(letter.routingKey == "published")
            #expect(dead.properties.messageID == "bad")
        }
    }

    @Test func aHandlerThatDiscardsGivesItUpInTheLog() async throws {
        let log = LogRecorder()
        let witness = Witness(policy: .discard)
        try await self.run(witness, on: .inProcess, logger: log.logger) { cluster in
            try await cluster.broker.publish(.published("bad", redeliveries: 5), to: "", routingKey: Witness.queue)
            try await self.takeAndDie(Witness.queue, cluster)
        } _: { cluster in
            let entry = try await log.entry(containing: "given up: it is discarded")
            #expect(entry.level == .error)
            #expect(entry.metadata["entrypoint"] == "on_published")
        }
        #expect(witness.sightings.elements == [])
    }

    /// It is to be delivered without a limit, by its meaning; and where there is none, nothing is counted.
    @Test(arguments: [(FailurePolicy.requeue, 5), (.default, 0)])
    func withoutALimitNothingIsCounted(_ policy: FailurePolicy, _ limit: Int) async throws {
        let witness = Witness(policy: policy)
        try await self.run(witness, on: .inProcess, limit: limit) { cluster in
            try await cluster.broker.publish(.published("a", redeliveries: 5), to: "", routingKey: Witness.queue)
            try await cluster.broker.publish(.published("b"), to: "press.events", routingKey: "published")
            try await self.takeAndDie(Witness.queue, cluster, count: 2)
        } _: { _ in
            try await eventually("both are handled", equals: [5 as Int64?, nil]) {
                witness.sightings.elements.map(\.redeliveries)
            }
        }
    }

    @Test(arguments: TestBroker.allCases)
    func aRequestThatComesBackTooOftenIsAnsweredWithAnError(_ broker: TestBroker) async throws {
        let witness = Witness()
        try await self.run(witness, on: broker) { cluster in
            try await cluster.broker.declare(
                Topology(
                    exchanges: [Exchange("nameko-rpc", .topic)],
                    queues: [Queue("rpc.reply-test")],
                    bindings: [Binding(from: "nameko-rpc", toQueue: "rpc.reply-test", routingKey: "reply")]
                )
            )
            let properties = BasicProperties(
                contentType: "application/json",
                headers: [
                    FailureHeaders.redeliveries: 5, FailureHeaders.exchange: "nameko-rpc",
                    FailureHeaders.routingKey: "witness.look",
                ],
                correlationID: "c1",
                replyTo: "reply"
            )
            try await cluster.broker.publish(
                Message(#"{"args": [], "kwargs": {}}"#, properties: properties),
                to: "",
                routingKey: "rpc-witness"
            )
            try await self.takeAndDie("rpc-witness", cluster)
        } _: { cluster in
            try await cluster.waitForQueue("rpc.reply-test") { $0.messageCount == 1 }
            let reply = try #require(try await cluster.takeMessage(from: "rpc.reply-test"))
            #expect(reply.properties.correlationID == "c1")
            let text = String(decoding: reply.body, as: UTF8.self)
            #expect(text.contains(#""exc_type":"DeliveryLimitExceeded""#))
            #expect(text.contains(#""exc_args":["look",6]"#))
            try await cluster.waitForQueue("rpc-witness") { $0.messageCount == 0 }
            // Other requests are served as ever.
            let seen: String = try await cluster.rpc("witness").look()
            #expect(seen == "seen")
        }
    }

    /// Two services that are never in work together with what has come back twice.
    private struct Fuse: Microservice {
        static let name = "fuse"
        static let queue = "evt-press-published--fuse.on_published"
        let begun = Shelf<String>()
        let gates = ["a": Latch(), "b": Latch()]

        var entrypoints: [any Entrypoint] {
            EventHandler("on_published") { (event: Published) in
                begun.put(event.title)
                await gates[event.title]?.wait()
            }
        }
    }

    /// The second time and the last that it may.
    @Test(arguments: [2, 5], [2, 5])
    func whatHasComeBackTwiceIsWorkedOnOneAtATime(_ first: Int, _ second: Int) async throws {
        let fuse = Fuse()
        try await withServices(fuse, settings: ServiceSettings()) { cluster in
            for (title, redeliveries) in [("a", first), ("b", second)] {
                try await cluster.broker.publish(
                    .published(title, redeliveries: redeliveries),
                    to: "",
                    routingKey: Fuse.queue
                )
            }
            // Others are in nobody's way.
            try await cluster.broker.publish(.published("c", redeliveries: 1), to: "", routingKey: Fuse.queue)
            try await cluster.dispatch(Published(title: "d"))
            await cluster.clock.advance(by: .seconds(40))
            #expect(fuse.begun.elements.sorted() == ["a", "c", "d"])
            // The one that waits is on the broker, and not in hand.
            #expect(try cluster.snapshot()[queue: Fuse.queue]?.unsettledCount == 1)
            fuse.gates["a"]?.open()
            await cluster.clock.advance(by: .seconds(20))
            #expect(fuse.begun.elements.sorted() == ["a", "b", "c", "d"])
            fuse.gates["b"]?.open()
            try await cluster.waitUntilQuiet()
            for queue in try cluster.snapshot().queues {
                #expect(queue.ready.isEmpty && queue.unsettledCount == 0, "\(queue.queue.name)")
            }
        }
    }
}
