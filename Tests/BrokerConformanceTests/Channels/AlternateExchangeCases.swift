import EnokiBroker
import EnokiTestSupport
import Testing

/// Exchanges with `alternate-exchange`.
@Suite(.timeLimit(.minutes(5))) struct AlternateExchangeCases {
    @Test func itGetsWhatHasNoRoute() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.collectDeadLetters(of: "alternate", in: "unrouted")
            try await channel.declare(Exchange("main", .direct, arguments: ["alternate-exchange": "alternate"]))
            try await channel.declare(Queue("routed"))
            try await channel.bind("routed", to: "main", key: "k")
            try await channel.publish("1", to: "main", key: "k", mandatory: true)
            try await channel.publish("2", to: "main", key: "else", mandatory: true)
            let unrouted = try await channel.take(from: "unrouted")
            #expect((unrouted.text, unrouted.exchange, unrouted.routingKey) == ("2", "main", "else"))
            #expect(try await session.contents(of: "routed", count: 1) == ["1"])
            #expect(try await channel.leftovers().isEmpty)
        }
    }

    @Test func alternatesMayHaveAlternates() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.collectDeadLetters(of: "last", in: "unrouted")
            try await channel.declare(Exchange("second", .direct, arguments: ["alternate-exchange": "last"]))
            try await channel.declare(Exchange("first", .topic, arguments: ["alternate-exchange": "second"]))
            try await channel.publish("m", to: "first", key: "k", mandatory: true)
            #expect(try await session.contents(of: "unrouted", count: 1) == ["m"])
        }
    }

    @Test func aCircleOfAlternatesEndsAtTheFirst() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Exchange("first", .direct, arguments: ["alternate-exchange": "second"]))
            try await channel.declare(Exchange("second", .direct, arguments: ["alternate-exchange": "first"]))
            try await channel.publish("m", to: "first", key: "k", mandatory: true)
            #expect(try await channel.returns().map(\.text) == ["NO_ROUTE"])
        }
    }

    @Test func anAlternateThatIsNotThereReturnsTheMessage() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Exchange("main", .direct, arguments: ["alternate-exchange": "later"]))
            try await channel.publish("1", to: "main", key: "k", mandatory: true)
            #expect(try await channel.returns().map(\.exchange) == ["main"])
            try await channel.collectDeadLetters(of: "later", in: "unrouted")
            try await channel.publish("2", to: "main", key: "k", mandatory: true)
            #expect(try await session.contents(of: "unrouted", count: 1) == ["2"])
        }
    }

    @Test func anInternalExchangeMayBeTheAlternate() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Exchange("inner", .fanout, isInternal: true))
            try await channel.declare(Queue("unrouted"))
            try await channel.bind("unrouted", to: "inner")
            try await channel.declare(Exchange("main", .direct, arguments: ["alternate-exchange": "inner"]))
            try await channel.publish("m", to: "main", key: "k")
            #expect(try await session.contents(of: "unrouted", count: 1) == ["m"])
        }
    }

    @Test func theDefaultExchangeIsNoAlternate() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("q"))
            try await channel.declare(Exchange("main", .direct, arguments: ["alternate-exchange": ""]))
            try await channel.publish("m", to: "main", key: "q", mandatory: true)
            #expect(try await channel.returns().count == 1)
            try await session.expectReady(0, in: "q")
        }
    }

    @Test func aBindingToAnExchangeWithoutQueuesIsARoute() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.collectDeadLetters(of: "alternate", in: "unrouted")
            try await channel.declare(Exchange("main", .fanout, arguments: ["alternate-exchange": "alternate"]))
            try await channel.declare(Exchange("empty", .fanout))
            try await channel.call(.exchangeBind("empty", to: "main"))
            try await channel.publish("m", to: "main", key: "", mandatory: true)
            #expect(try await channel.returns().count == 1)
            try await session.expectReady(0, in: "unrouted")
        }
    }

    @Test func theAlternateOfABoundExchangeWorks() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.collectDeadLetters(of: "alternate", in: "unrouted")
            try await channel.declare(Exchange("outer", .fanout))
            try await channel.declare(Exchange("inner", .direct, arguments: ["alternate-exchange": "alternate"]))
            try await channel.call(.exchangeBind("inner", to: "outer"))
            try await channel.publish("m", to: "outer", key: "none", mandatory: true)
            #expect(try await channel.take(from: "unrouted").exchange == "outer")
        }
    }

    @Test func oneRoutedCarbonCopyIsARoute() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.collectDeadLetters(of: "alternate", in: "unrouted")
            try await channel.declare(Exchange("main", .direct, arguments: ["alternate-exchange": "alternate"]))
            try await channel.declare(Queue("routed"))
            try await channel.bind("routed", to: "main", key: "copy")
            try await channel.publish(Message("m", headers: ["CC": ["copy"]]), to: "main", key: "none")
            #expect(try await session.contents(of: "routed", count: 1) == ["m"])
            try await session.expectReady(0, in: "unrouted")
        }
    }

    @Test func theAlternateRoutesByAllKeys() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Exchange("alternate", .direct))
            try await channel.declare(Queue("unrouted"))
            try await channel.bind("unrouted", to: "alternate", key: "copy")
            try await channel.declare(Exchange("main", .direct, arguments: ["alternate-exchange": "alternate"]))
            try await channel.publish(Message("m", headers: ["BCC": ["copy"]]), to: "main", key: "none")
            #expect(try await session.contents(of: "unrouted", count: 1) == ["m"])
        }
    }
}
