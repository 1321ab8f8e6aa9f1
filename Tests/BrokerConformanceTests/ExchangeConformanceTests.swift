import EnokiBroker
import EnokiTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct ExchangeConformanceTests {
    /// Declares `exchange` with queues bound under the given keys, publishes to it, and returns the queues reached.
    private func reached(
        on kind: TestBroker,
        _ exchange: Exchange,
        keys: [String],
        arguments: [Headers] = [],
        publishing message: Message = Message("x"),
        key: String
    ) async throws -> [Int] {
        try await kind.withBroker { broker in
            let queues = keys.indices.map { Queue("q\($0)") }
            let bindings = keys.indices.map { index in
                let extra = arguments.indices.contains(index) ? arguments[index] : [:]
                return Binding(from: exchange.name, toQueue: "q\(index)", routingKey: keys[index], arguments: extra)
            }
            try await broker.declare(Topology(exchanges: [exchange], queues: queues, bindings: bindings))
            try await broker.publish(message, to: exchange.name, routingKey: key)
            var reached: [Int] = []
            for index in keys.indices where try await broker.inspect(queue: "q\(index)").messageCount == 1 {
                reached.append(index)
            }
            return reached
        }
    }

    @Test(arguments: TestBroker.allCases)
    func aDirectExchangeRoutesByTheWholeKey(on kind: TestBroker) async throws {
        let keys = ["a", "b", "a", "a.b", "*", "#", ""]
        let exchange = Exchange("e", .direct)
        #expect(try await self.reached(on: kind, exchange, keys: keys, key: "a") == [0, 2])
    }

    @Test(arguments: TestBroker.allCases)
    func aDirectExchangeComparesKeysByTheirBytes(on kind: TestBroker) async throws {
        let keys = ["\u{e9}", "\u{65}\u{301}", "É"]
        let exchange = Exchange("e", .direct)
        #expect(try await self.reached(on: kind, exchange, keys: keys, key: "\u{65}\u{301}") == [1])
    }

    @Test(arguments: TestBroker.allCases)
    func aFanoutExchangeRoutesToAllBindings(on kind: TestBroker) async throws {
        let exchange = Exchange("e", .fanout)
        #expect(try await self.reached(on: kind, exchange, keys: ["a", "b", ""], key: "z") == [0, 1, 2])
    }

    @Test(
        arguments: TestBroker.allCases,
        [
            (["a": 1, "b": "x", "c": true], [0, 1, 3, 4, 7]), (["a": 1], [1, 4, 7]), ([:], [4]),
            (["a": .int64(1)], [1, 4, 7]), (["a": "1"], [4, 7]), (["b": "y"], [4]), (["x-id": 5], [4, 6]),
            (["a": .double(1)], [1, 4, 7]), (["a": .timestamp(1)], [1, 4, 7]), (["a": .bool(true)], [4, 7]),
            (["b": .bytes(Array("x".utf8))], [1, 4]), (["x-match": "all"], [4]),
        ] as [(headers: Headers, queues: [Int])]
    )
    func aHeadersExchangeRoutesByTheHeaders(on kind: TestBroker, routing: (headers: Headers, queues: [Int]))
        async throws
    {
        let arguments: [Headers] = [
            ["x-match": "all", "a": 1, "b": "x"], ["x-match": "any", "a": 1, "b": "x"], ["a": 2], ["a": 1, "b": "x"],
            [:],
            ["x-match": "any"], ["x-match": "any-with-x", "x-id": 5], ["a": .void],
        ]
        let message = Message("x", properties: BasicProperties(headers: routing.headers))
        let keys = Array(repeating: "k", count: arguments.count)
        let exchange = Exchange("e", .headers)
        let reached = try await self.reached(
            on: kind,
            exchange,
            keys: keys,
            arguments: arguments,
            publishing: message,
            key: "z"
        )
        #expect(reached == routing.queues)
    }

    @Test(arguments: TestBroker.allCases)
    func theDefaultExchangeRoutesToTheQueueOfThatName(on kind: TestBroker) async throws {
        try await kind.withBroker { broker in
            try await broker.declare(Topology(queues: [Queue("q"), Queue("Q")]))
            try await broker.send("x", to: "q")
            #expect(try await broker.inspect(queue: "q").messageCount == 1)
            #expect(try await broker.inspect(queue: "Q").messageCount == 0)
        }
    }

    @Test(arguments: TestBroker.allCases)
    func thePredeclaredExchangesAreThere(on kind: TestBroker) async throws {
        try await kind.withBroker { broker in
            for name in ["amq.direct", "amq.fanout", "amq.topic", "amq.headers", "amq.match"] {
                try await broker.publish(Message("x"), to: name, routingKey: "k")
            }
            try await broker.declare(Topology(exchanges: [Exchange("amq.topic", .topic)]))
        }
    }

    @Test(arguments: TestBroker.allCases)
    func theDefaultExchangeCannotBeTouched(on kind: TestBroker) async throws {
        try await kind.withBroker { broker in
            try await broker.declare(Topology(queues: [Queue("q")]))
            await expectError(.accessRefused) {
                try await broker.declare(Topology(bindings: [Binding(from: "", toQueue: "q", routingKey: "k")]))
            }
            await expectError(.accessRefused) {
                try await broker.unbind(Binding(from: "", toQueue: "q", routingKey: "q"))
            }
            await expectError(.accessRefused) { try await broker.delete(exchange: "") }
            // It needs no declaration, and one does no harm.
            try await broker.declare(Topology(exchanges: [Exchange("", .direct)]))
        }
    }

    @Test(arguments: TestBroker.allCases)
    func namesThatBeginLikeTheBrokersOwnAreRefused(on kind: TestBroker) async throws {
        try await kind.withBroker { broker in
            await expectError(.accessRefused) {
                try await broker.declare(Topology(exchanges: [Exchange("amq.mine", .topic)]))
            }
            await expectError(.accessRefused) { try await broker.declare(Topology(queues: [Queue("amq.mine")])) }
            for name in ["amq.topic", "amq.missing"] {
                await expectError(.accessRefused) { try await broker.delete(exchange: name) }
            }
            try await broker.delete(queue: "amq.missing")
        }
    }

    @Test(
        arguments: TestBroker.allCases,
        [
            (Exchange("e", .direct), "type", "direct", "topic"),
            (Exchange("e", .topic, durable: false), "durable", "false", "true"),
            (Exchange("e", .topic, autoDelete: true), "auto_delete", "true", "false"),
            (Exchange("e", .topic, isInternal: true), "internal", "true", "false"),
            (Exchange("e", .topic, arguments: ["alternate-exchange": "a"]), "alternate-exchange", "'a'", "none"),
        ] as [(exchange: Exchange, argument: String, received: String, current: String)]
    )
    func redeclaringAnExchangeOtherwiseIsRefused(
        on kind: TestBroker,
        otherwise: (exchange: Exchange, argument: String, received: String, current: String)
    ) async throws {
        try await kind.withBroker { broker in
            let exchange = Exchange("e", .topic)
            try await broker.declare(Topology(exchanges: [exchange]))
            try await broker.declare(Topology(exchanges: [exchange]))
            let error = await expectError(.preconditionFailed) {
                try await broker.declare(Topology(exchanges: [otherwise.exchange]))
            }
            // It names the exchange, the argument, and both values, in whichever words.
            for word in ["'e'", "'\(otherwise.argument)'", otherwise.received, otherwise.current] {
                #expect(error?.message.contains(word) == true, "\(word) in: \(error?.message ?? "")")
            }
            // The connection is as good as before.
            try await broker.declare(Topology(exchanges: [exchange]))
        }
    }

    @Test(arguments: TestBroker.allCases)
    func otherArgumentsOfAnExchangeMayDiffer(on kind: TestBroker) async throws {
        try await kind.withBroker { broker in
            try await broker.declare(Topology(exchanges: [Exchange("e", .topic, arguments: ["x-mine": 1])]))
            try await broker.declare(Topology(exchanges: [Exchange("e", .topic, arguments: ["x-yours": 2])]))
        }
    }

    @Test(arguments: TestBroker.allCases)
    func aDeletedExchangeTakesItsBindingsAlong(on kind: TestBroker) async throws {
        try await kind.withBroker { broker in
            let topology = Topology(
                exchanges: [Exchange("e", .fanout)],
                queues: [Queue("q")],
                bindings: [Binding(from: "e", toQueue: "q")]
            )
            try await broker.declare(topology)
            try await broker.delete(exchange: "e")
            await expectError(.notFound) { try await broker.publish(Message("x"), to: "e", routingKey: "") }
            try await broker.declare(Topology(exchanges: [Exchange("e", .fanout)]))
            try await broker.publish(Message("x"), to: "e", routingKey: "")
            #expect(try await broker.inspect(queue: "q").messageCount == 0)
            try await broker.delete(exchange: "missing")
        }
    }

    @Test(arguments: TestBroker.allCases)
    func anAutoDeleteExchangeGoesWithItsLastBinding(on kind: TestBroker) async throws {
        try await kind.withBroker { broker in
            let bindings = [Binding(from: "e", toQueue: "a"), Binding(from: "e", toQueue: "b")]
            try await broker.declare(
                Topology(exchanges: [Exchange("e", .fanout, autoDelete: true)], queues: [Queue("a"), Queue("b")])
            )
            // One that was never bound stays.
            try await broker.publish(Message("x"), to: "e", routingKey: "")
            try await broker.declare(Topology(bindings: bindings))
            try await broker.unbind(bindings[0])
            try await broker.publish(Message("x"), to: "e", routingKey: "")
            try await broker.delete(queue: "b")
            await expectError(.notFound) { try await broker.publish(Message("x"), to: "e", routingKey: "") }
        }
    }

    @Test(arguments: TestBroker.allCases)
    func anInternalExchangeTakesMessagesFromExchangesOnly(on kind: TestBroker) async throws {
        try await kind.withBroker { broker in
            try await broker.declare(
                Topology(
                    exchanges: [Exchange("in", .topic), Exchange("out", .fanout, isInternal: true)],
                    queues: [Queue("q")],
                    bindings: [
                        Binding(from: "in", to: .exchange("out"), routingKey: "a.*"),
                        Binding(from: "out", toQueue: "q"),
                    ]
                )
            )
            await expectError(.accessRefused) { try await broker.publish(Message("no"), to: "out", routingKey: "a.b") }
            try await broker.publish(Message("yes"), to: "in", routingKey: "a.b")
            try await broker.publish(Message("other"), to: "in", routingKey: "b.b")
            try await broker.expectContents(["yes"], of: "q")
        }
    }

    @Test(arguments: TestBroker.allCases)
    func exchangesBoundInACircleDeliverOnce(on kind: TestBroker) async throws {
        try await kind.withBroker { broker in
            try await broker.declare(
                Topology(
                    exchanges: [Exchange("a", .fanout), Exchange("b", .fanout)],
                    queues: [Queue("q")],
                    bindings: [
                        Binding(from: "a", to: .exchange("b")), Binding(from: "b", to: .exchange("a")),
                        Binding(from: "a", toQueue: "q"), Binding(from: "b", toQueue: "q"),
                    ]
                )
            )
            try await broker.publish(Message("x"), to: "a", routingKey: "", options: PublishOptions(mandatory: true))
            try await broker.expectContents(["x"], of: "q")
            try await broker.unbind(Binding(from: "a", to: .exchange("b")))
            try await broker.delete(exchange: "a")
            try await broker.publish(Message("y"), to: "b", routingKey: "", options: PublishOptions(mandatory: true))
            try await broker.expectContents(["y"], of: "q")
        }
    }

    @Test(arguments: TestBroker.allCases)
    func theAlternateExchangeGetsWhatIsRoutedNowhere(on kind: TestBroker) async throws {
        try await kind.withBroker { broker in
            try await broker.declare(
                Topology(
                    exchanges: [
                        Exchange("e", .direct, arguments: ["alternate-exchange": "rest"]), Exchange("rest", .fanout),
                    ],
                    queues: [Queue("q"), Queue("r")],
                    bindings: [Binding(from: "e", toQueue: "q", routingKey: "k"), Binding(from: "rest", toQueue: "r")]
                )
            )
            for key in ["k", "other"] {
                try await broker.publish(
                    Message(key),
                    to: "e",
                    routingKey: key,
                    options: PublishOptions(mandatory: true)
                )
            }
            try await broker.expectContents(["k"], of: "q")
            try await broker.expectContents(["other"], of: "r")
        }
    }
}
