import EnokiBroker
import EnokiTestSupport
import Testing

/// Exchanges bound to exchanges.
@Suite(.timeLimit(.minutes(5))) struct ExchangeBindingCases {
    @Test func eachExchangeRoutesByItsOwnKindAndAQueueGetsOneCopy() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Exchange("direct", .direct))
            try await channel.declare(Exchange("topic", .topic))
            try await channel.declare(Exchange("fanout", .fanout))
            try await channel.call(.exchangeBind("topic", to: "direct", key: "a.b"))
            try await channel.call(.exchangeBind("fanout", to: "topic", key: "a.*"))
            try await channel.declare(Queue("q"))
            try await channel.bind("q", to: "fanout")
            try await channel.bind("q", to: "topic", key: "#")
            try await channel.publish("m", to: "direct", key: "a.b")
            try await channel.publish("n", to: "direct", key: "a.c")
            let delivery = try await channel.take(from: "q")
            #expect((delivery.text, delivery.exchange, delivery.routingKey) == ("m", "direct", "a.b"))
            try await channel.expectReady(0, in: "q")
        }
    }

    @Test func aCircleOfExchangesRoutesOnce() async throws {
        try await conform { session in
            let channel = try await session.channel()
            for name in ["one", "two"] {
                try await channel.declare(Exchange(name, .fanout))
                try await channel.declare(Queue("q-\(name)"))
                try await channel.bind("q-\(name)", to: name)
            }
            try await channel.call(.exchangeBind("one", to: "two"))
            try await channel.call(.exchangeBind("two", to: "one"))
            try await channel.call(.exchangeBind("one", to: "one"))
            try await channel.publish("m", to: "one", key: "", mandatory: true)
            for name in ["one", "two"] { #expect(try await session.contents(of: "q-\(name)", count: 1) == ["m"]) }
        }
    }

    @Test func headersDecideWhetherAnExchangeGetsIt() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Exchange("headers", .headers))
            try await channel.declare(Exchange("inner", .fanout, isInternal: true))
            try await channel.call(.exchangeBind("inner", to: "headers", arguments: ["x-match": "any", "a": 1]))
            try await channel.declare(Queue("q"))
            try await channel.bind("q", to: "inner")
            for value in [1, 2] as [FieldValue] {
                try await channel.publish(Message("\(value)", headers: ["a": value]), to: "headers", key: "")
            }
            #expect(try await session.contents(of: "q", count: 1) == ["1"])
        }
    }

    @Test func unbindingEndsTheRoute() async throws {
        try await conform { session in
            let channel = try await session.channel()
            for name in ["outer", "inner"] { try await channel.declare(Exchange(name, .direct)) }
            try await channel.declare(Queue("q"))
            try await channel.bind("q", to: "inner", key: "k")
            for key in ["k", "other"] { try await channel.call(.exchangeBind("inner", to: "outer", key: key)) }
            try await channel.call(.exchangeUnbind("inner", from: "outer", key: "other"))
            try await channel.publish("1", to: "outer", key: "k", mandatory: true)
            try await channel.call(.exchangeUnbind("inner", from: "outer", key: "k"))
            try await channel.publish("2", to: "outer", key: "k", mandatory: true)
            #expect(try await channel.returns().map { String(decoding: $0.message.body, as: UTF8.self) } == ["2"])
            #expect(try await session.contents(of: "q", count: 1) == ["1"])
        }
    }

    @Test func deletingAnExchangeTakesItsBindingsOnBothSides() async throws {
        try await conform { session in
            let channel = try await session.channel()
            for name in ["outer", "middle", "inner"] { try await channel.declare(Exchange(name, .fanout)) }
            try await channel.declare(Queue("q"))
            try await channel.bind("q", to: "inner")
            try await channel.call(.exchangeBind("middle", to: "outer"))
            try await channel.call(.exchangeBind("inner", to: "middle"))
            try await channel.delete(exchange: "middle")
            try await channel.declare(Exchange("middle", .fanout))
            for name in ["outer", "middle"] { try await channel.publish(name, to: name, key: "", mandatory: true) }
            #expect(try await channel.returns(2).map(\.exchange) == ["outer", "middle"])
        }
    }

    @Test func anExchangeInUseIsNotDeletedIfUnused() async throws {
        try await conform { session in
            let channel = try await session.channel()
            for name in ["outer", "inner"] { try await channel.declare(Exchange(name, .fanout)) }
            try await channel.call(.exchangeBind("inner", to: "outer"))
            let refused = try await session.channel()
            #expect(
                try await refused.refusal(of: .exchangeDelete("outer", ifUnused: true))
                    == "channel 406 PRECONDITION_FAILED - exchange 'outer' in vhost '/' in use"
            )
            // To be a destination is no use.
            try await channel.delete(exchange: "inner", ifUnused: true)
            try await channel.delete(exchange: "outer", ifUnused: true)
        }
    }

    @Test func missingExchangesAreNamedSourceFirst() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Exchange("there", .direct))
            for (destination, source, missing) in [
                ("there", "gone", "gone"), ("gone", "there", "gone"), ("gone 1", "gone 2", "gone 2"),
            ] {
                let refused = try await session.channel()
                #expect(
                    try await refused.refusal(of: .exchangeBind(destination, to: source, key: "k"))
                        == "channel 404 NOT_FOUND - no exchange '\(missing)' in vhost '/'"
                )
            }
            // Unbinding what is not bound or not there is no error.
            try await channel.call(.exchangeUnbind("there", from: "gone", key: "k"))
            try await channel.call(.exchangeUnbind("gone", from: "there", key: "k"))
            try await channel.call(.exchangeUnbind("there", from: "there", key: "k"))
        }
    }

    @Test func theDefaultExchangeIsNeverBound() async throws {
        try await conform { session in
            for method in [
                .exchangeBind("amq.direct", to: ""), .exchangeBind("", to: "amq.direct"),
                .exchangeUnbind("amq.direct", from: ""),
            ] as [AMQPMethod] {
                let channel = try await session.channel()
                #expect(
                    try await channel.refusal(of: method)
                        == "channel 403 ACCESS_REFUSED - operation not permitted on the default exchange"
                )
            }
        }
    }
}
