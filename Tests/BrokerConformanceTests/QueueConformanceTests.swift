import EnokiBroker
import EnokiTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct QueueConformanceTests {
    @Test(arguments: TestBroker.allCases)
    func aQueueIsDeclaredOnceAndTellsItsState(on kind: TestBroker) async throws {
        try await kind.withBroker { broker in
            let topology = Topology(queues: [Queue("q")])
            try await broker.declare(topology)
            try await broker.send("x", to: "q")
            try await broker.declare(topology)
            let status = try await broker.inspect(queue: "q")
            #expect(status == QueueStatus(name: "q", messageCount: 1, consumerCount: 0))
        }
    }

    @Test(
        arguments: TestBroker.allCases,
        [
            (Queue("q", durable: false), "durable", "false", "true"),
            (Queue("q", autoDelete: true), "auto_delete", "true", "false"),
            (Queue("q", arguments: ["x-expires": 70000]), "x-expires", "'70000'", "'60000'"),
            (Queue("q", arguments: [:]), "x-expires", "none", "'60000'"),
            (Queue("q", arguments: ["x-expires": 60000, "x-message-ttl": 1]), "x-message-ttl", "'1'", "none"),
        ] as [(queue: Queue, argument: String, received: String, current: String)]
    )
    func redeclaringAQueueOtherwiseIsRefused(
        on kind: TestBroker,
        otherwise: (queue: Queue, argument: String, received: String, current: String)
    ) async throws {
        try await kind.withBroker { broker in
            let queue = Queue("q", arguments: ["x-expires": 60000])
            try await broker.declare(Topology(queues: [queue]))
            let error = await expectError(.preconditionFailed) {
                try await broker.declare(Topology(queues: [otherwise.queue]))
            }
            // It names the queue, the argument, and both values, in whichever words.
            for word in ["'q'", "'\(otherwise.argument)'", otherwise.received, otherwise.current] {
                #expect(error?.message.contains(word) == true, "\(word) in: \(error?.message ?? "")")
            }
            try await broker.declare(Topology(queues: [queue]))
        }
    }

    @Test(arguments: TestBroker.allCases)
    func argumentsCompareByValueAndUnknownOnesNotAtAll(on kind: TestBroker) async throws {
        try await kind.withBroker { broker in
            try await broker.declare(
                Topology(queues: [Queue("q", arguments: ["x-expires": 60000, "x-mine": 1, "x-queue-type": "classic"])])
            )
            try await broker.declare(
                Topology(queues: [Queue("q", arguments: ["x-yours": "2", "x-expires": .int64(60000)])])
            )
        }
    }

    @Test(
        arguments: TestBroker.allCases,
        [
            ("x-expires", 0), ("x-expires", -1), ("x-expires", "60000"), ("x-message-ttl", -1), ("x-message-ttl", "1"),
            ("x-message-ttl", .bool(true)), ("x-expires", .double(1000)), ("x-message-ttl", .int64(315_360_000_001)),
            ("x-expires", .int64(315_360_000_001)),
        ] as [(name: String, value: FieldValue)]
    )
    func argumentsThatMakeNoSenseAreRefused(on kind: TestBroker, argument: (name: String, value: FieldValue))
        async throws
    {
        try await kind.withBroker { broker in
            let error = await expectError(.preconditionFailed) {
                try await broker.declare(Topology(queues: [Queue("q", arguments: [argument.name: argument.value])]))
            }
            let start = "PRECONDITION_FAILED - invalid arg '\(argument.name)' for queue 'q' in vhost '"
            #expect(error?.message.contains(start) == true)
            await expectError(.notFound) { _ = try await broker.inspect(queue: "q") }
        }
    }

    @Test(arguments: TestBroker.allCases)
    func theLongestTimesAreTenYears(on kind: TestBroker) async throws {
        try await kind.withBroker { broker in
            let longest = FieldValue.int64(315_360_000_000)
            let queue = Queue("q", arguments: ["x-expires": longest, "x-message-ttl": longest])
            try await broker.declare(Topology(queues: [queue]))
            try await broker.send("x", to: "q", expiration: .milliseconds(315_360_000_000))
            try await broker.expectContents(["x"], of: "q")
            await expectError(.invalidArgument) {
                try await broker.send("x", to: "q", expiration: .milliseconds(315_360_000_001))
            }
        }
    }

    @Test(arguments: TestBroker.allCases)
    func whatIsMissingIsNotFound(on kind: TestBroker) async throws {
        try await kind.withBroker { broker in
            let error = await expectError(.notFound) { _ = try await broker.inspect(queue: "none") }
            #expect(error?.message.contains("NOT_FOUND - no queue 'none' in vhost '") == true)
            await expectError(.notFound) { try await broker.purge(queue: "none") }
            await expectError(.notFound) { _ = try await broker.consume("none") { _ in } }
            try await broker.delete(queue: "none")
        }
    }

    @Test(arguments: TestBroker.allCases)
    func purgingRemovesWhatIsReadyAndCountsIt(on kind: TestBroker) async throws {
        try await kind.withBroker { broker in
            try await broker.declare(Topology(queues: [Queue("q")]))
            for number in 0..<5 { try await broker.send("\(number)", to: "q") }
            let deliveries = Collector<Delivery>()
            let consumer = try await broker.consume("q", options: ConsumerOptions(prefetch: 2)) {
                deliveries.append($0)
            }
            try await deliveries.first(2)
            #expect(try await broker.purge(queue: "q") == 3)
            #expect(try await broker.purge(queue: "q") == 0)
            await consumer.close()
            try await broker.expectContents(["0", "1"], of: "q")
        }
    }

    @Test(arguments: TestBroker.allCases)
    func aDeletedQueueIsGoneWithItsMessagesAndBindings(on kind: TestBroker) async throws {
        try await kind.withBroker { broker in
            let binding = Binding(from: "e", toQueue: "q")
            let topology = Topology(exchanges: [Exchange("e", .fanout)], queues: [Queue("q")], bindings: [binding])
            try await broker.declare(topology)
            try await broker.publish(Message("x"), to: "e", routingKey: "")
            try await broker.delete(queue: "q")
            await expectError(.notFound) { _ = try await broker.inspect(queue: "q") }
            try await broker.declare(Topology(queues: [Queue("q")]))
            try await broker.publish(Message("y"), to: "e", routingKey: "")
            #expect(try await broker.inspect(queue: "q").messageCount == 0)
        }
    }

    @Test(arguments: TestBroker.allCases)
    func anAutoDeleteQueueGoesWithItsLastConsumer(on kind: TestBroker) async throws {
        try await kind.withBroker { broker in
            try await broker.declare(Topology(queues: [Queue("q", autoDelete: true)]))
            try await broker.send("x", to: "q")
            let first = try await broker.consume("q") { $0.token.settle(.ack) }
            let second = try await broker.consume("q") { $0.token.settle(.ack) }
            await first.close()
            #expect(try await broker.inspect(queue: "q").consumerCount == 1)
            await second.cancel()
            try await broker.expectNoQueue("q")
            await second.close()
        }
    }

    @Test(arguments: TestBroker.allCases)
    func anExclusiveQueueBelongsToItsConnection(on kind: TestBroker) async throws {
        try await kind.withFixture { fixture in
            let broker = fixture.broker
            let other = try await fixture.connect()
            let queue = Queue("q", durable: false, exclusive: true)
            try await broker.declare(Topology(exchanges: [Exchange("e", .fanout)], queues: [queue]))
            try await broker.declare(Topology(queues: [queue]))
            let error = await expectError(.resourceLocked) { _ = try await other.inspect(queue: "q") }
            #expect(
                error?.message.contains("RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'q'") == true
            )
            await expectError(.resourceLocked) { _ = try await other.consume("q") { _ in } }
            await expectError(.resourceLocked) { try await other.declare(Topology(queues: [queue])) }
            await expectError(.resourceLocked) { try await other.purge(queue: "q") }
            await expectError(.resourceLocked) { try await other.delete(queue: "q") }
            await expectError(.resourceLocked) {
                try await other.declare(Topology(bindings: [Binding(from: "e", toQueue: "q")]))
            }
            // Whoever knows its name may publish to it.
            try await other.send("x", to: "q")
            try await broker.expectContents(["x"], of: "q")
        }
    }

    @Test(arguments: TestBroker.allCases)
    func anExclusiveQueueGoesWithItsConnection(on kind: TestBroker) async throws {
        try await kind.withFixture { fixture in
            try await fixture.withConnection { other in
                try await other.declare(Topology(queues: [Queue("q", exclusive: true)]))
            }
            try await fixture.broker.expectNoQueue("q")
        }
    }

    @Test(arguments: TestBroker.allCases)
    func exclusivityIsNotLostOrGainedByRedeclaring(on kind: TestBroker) async throws {
        try await kind.withBroker { broker in
            try await broker.declare(Topology(queues: [Queue("mine", exclusive: true), Queue("ours")]))
            await expectError(.resourceLocked) { try await broker.declare(Topology(queues: [Queue("mine")])) }
            await expectError(.resourceLocked) {
                try await broker.declare(Topology(queues: [Queue("ours", exclusive: true)]))
            }
        }
    }

    @Test(arguments: TestBroker.allCases, ["a\nb", "a\r\nb", "a\0b"])
    func namesWithLineBreaksOrNULAreRefused(on kind: TestBroker, name: String) async throws {
        try await kind.withBroker { broker in
            await expectError(.invalidArgument) { try await broker.declare(Topology(queues: [Queue(name)])) }
            await expectError(.invalidArgument) {
                try await broker.declare(Topology(exchanges: [Exchange(name, .topic)]))
            }
            try await broker.declare(Topology(queues: [Queue("q")]))
        }
    }

    @Test(arguments: TestBroker.allCases)
    func namesMayHave255BytesAndNoMore(on kind: TestBroker) async throws {
        try await kind.withBroker { broker in
            let longest = String(repeating: "é", count: 127) + "x"
            try await broker.declare(
                Topology(
                    exchanges: [Exchange(longest, .direct)],
                    queues: [Queue(longest)],
                    bindings: [Binding(from: longest, toQueue: longest, routingKey: longest)]
                )
            )
            let options = PublishOptions(mandatory: true)
            try await broker.publish(Message("x"), to: longest, routingKey: longest, options: options)
            try await broker.expectContents(["x"], of: longest)
            let long = longest + "y"
            await expectError(.invalidArgument) { try await broker.declare(Topology(queues: [Queue(long)])) }
            await expectError(.invalidArgument) {
                try await broker.declare(Topology(exchanges: [Exchange(long, .topic)]))
            }
            await expectError(.invalidArgument) {
                try await broker.declare(
                    Topology(bindings: [Binding(from: longest, toQueue: longest, routingKey: long)])
                )
            }
            await expectError(.invalidArgument) { try await broker.publish(Message("x"), to: "", routingKey: long) }
            await expectError(.invalidArgument) { try await broker.publish(Message("x"), to: long, routingKey: "") }
            await expectError(.invalidArgument) { _ = try await broker.inspect(queue: long) }
            await expectError(.invalidArgument) { _ = try await broker.consume(long) { _ in } }
            await expectError(.invalidArgument) { _ = try await broker.purge(queue: long) }
            await expectError(.invalidArgument) { try await broker.delete(queue: long) }
            await expectError(.invalidArgument) { try await broker.delete(exchange: long) }
            #expect(broker.status == .connected)
        }
    }

    @Test(arguments: TestBroker.allCases)
    func namesAreComparedByTheirBytes(on kind: TestBroker) async throws {
        try await kind.withBroker { broker in
            let composed = "caf\u{e9}"
            let decomposed = "caf\u{65}\u{301}"
            try await broker.declare(Topology(queues: [Queue(composed)]))
            try await broker.declare(Topology(queues: [Queue(decomposed, durable: false)]))
            try await broker.send("x", to: composed)
            #expect(try await broker.inspect(queue: composed).messageCount == 1)
            #expect(try await broker.inspect(queue: decomposed).messageCount == 0)
            try await broker.declare(
                Topology(exchanges: [Exchange(composed, .topic), Exchange(decomposed, .fanout)])
            )
        }
    }

    @Test(arguments: TestBroker.allCases)
    func aQueueWithoutANameIsRefused(on kind: TestBroker) async throws {
        try await kind.withBroker { broker in
            try await broker.declare(Topology(exchanges: [Exchange("e", .fanout)], queues: [Queue("q")]))
            await expectError(.invalidArgument) { try await broker.declare(Topology(queues: [Queue("")])) }
            await expectError(.invalidArgument) {
                try await broker.declare(Topology(bindings: [Binding(from: "e", toQueue: "")]))
            }
            await expectError(.invalidArgument) { _ = try await broker.consume("") { _ in } }
            await expectError(.invalidArgument) { _ = try await broker.inspect(queue: "") }
            await expectError(.invalidArgument) { try await broker.delete(queue: "") }
        }
    }
}
