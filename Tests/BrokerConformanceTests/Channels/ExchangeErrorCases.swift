import EnokiBroker
import EnokiTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct ExchangeErrorCases {
    @Test func whatIsMissingIsNotFound() async throws {
        try await conform { session in
            try await session.channel().declare(Queue("q"))
            try await session.channel().declare(Exchange("x", .topic))
            let methods: [AMQPMethod] = [
                .exchangeDeclare(Exchange("nope", .direct), passive: true),
                .exchangeBind("x", to: "nope"), .exchangeBind("nope", to: "x"), .queueBind("q", to: "nope"),
                .basicPublish(Message("1"), to: "nope", key: "k"),
            ]
            for method in methods {
                let text = "channel 404 NOT_FOUND - no exchange 'nope' in vhost '/'"
                #expect(try await session.refusal(of: method) == text)
            }
        }
    }

    @Test func ofTwoMissingEndsTheSourceIsNamed() async throws {
        try await conform { session in
            let toExchange = AMQPMethod.exchangeBind("destination", to: "source")
            let toQueue = AMQPMethod.queueBind("destination", to: "source")
            for method in [toExchange, toQueue] {
                let refusal = try await session.refusal(of: method)
                #expect(refusal == "channel 404 NOT_FOUND - no exchange 'source' in vhost '/'")
            }
        }
    }

    @Test func deletingOrUnbindingWhatIsMissingIsFine() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("q"))
            try await channel.declare(Exchange("x", .direct))
            try await channel.delete(exchange: "nope")
            try await channel.delete(exchange: "nope", ifUnused: true)
            try await channel.call(.exchangeUnbind("x", from: "nope"))
            try await channel.call(.exchangeUnbind("nope", from: "x"))
            try await channel.call(.exchangeUnbind("x", from: "x", key: "nope"))
            try await channel.call(.queueUnbind("q", from: "nope"))
            try await channel.call(.queueUnbind("nope", from: "x"))
            try await channel.call(.queueUnbind("q", from: "x", key: "nope"))
        }
    }

    @Test func redeclaringOtherwiseNamesTheFirstDifference() async throws {
        try await conform { session in
            try await session.channel().declare(Exchange("x", .direct))
            let differences: [(Exchange, String)] = [
                (
                    Exchange("x", .fanout, durable: false),
                    "'type' for exchange 'x' in vhost '/': received 'fanout' but current is 'direct'"
                ),
                (
                    Exchange("x", .direct, durable: false, autoDelete: true),
                    "'durable' for exchange 'x' in vhost '/': received 'false' but current is 'true'"
                ),
                (
                    Exchange("x", .direct, autoDelete: true, isInternal: true),
                    "'auto_delete' for exchange 'x' in vhost '/': received 'true' but current is 'false'"
                ),
                (
                    Exchange("x", .direct, isInternal: true),
                    "'internal' for exchange 'x' in vhost '/': received 'true' but current is 'false'"
                ),
                (
                    Exchange("x", .direct, arguments: ["alternate-exchange": "other"]),
                    "'alternate-exchange' for exchange 'x' in vhost '/': received the value 'other' of type 'longstr' "
                        + "but current is none"
                ),
            ]
            for (exchange, text) in differences {
                let refusal = try await session.refusal(of: .exchangeDeclare(exchange))
                #expect(refusal == "channel 406 PRECONDITION_FAILED - inequivalent arg \(text)")
            }
            try await session.channel().declare(Exchange("x", .direct, arguments: ["x-other": 1]))
        }
    }

    @Test func alternateExchangesAreComparedToo() async throws {
        try await conform { session in
            try await session.channel().declare(Exchange("x", .direct, arguments: ["alternate-exchange": "d"]))
            let start =
                "channel 406 PRECONDITION_FAILED - inequivalent arg 'alternate-exchange' for exchange 'x' in vhost '/': "
            let other = Exchange("x", .direct, arguments: ["alternate-exchange": "e"])
            #expect(
                try await session.refusal(of: .exchangeDeclare(other))
                    == start + "received 'e' but current is 'd'"
            )
            #expect(
                try await session.refusal(of: .exchangeDeclare(Exchange("x", .direct)))
                    == start + "received none but current is the value 'd' of type 'longstr'"
            )
            let number = Exchange("new", .direct, arguments: ["alternate-exchange": 5])
            #expect(
                try await session.refusal(of: .exchangeDeclare(number))
                    == "channel 406 PRECONDITION_FAILED - invalid type 'signedint' for arg 'alternate-exchange' in exchange "
                    + "'new' in vhost '/'"
            )
        }
    }

    @Test func aPassiveDeclareAsksForTheNameOnly() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Exchange("x", .direct))
            try await channel.declare(Exchange("x", .topic, durable: false, autoDelete: true), passive: true)
        }
    }

    @Test func anUnknownTypeEndsTheConnection() async throws {
        try await conform { session in
            try await session.channel().declare(Exchange("x", .direct))
            for name in ["x", "new"] {
                let channel = try await session.connect().channel()
                let declare = AMQPMethod.exchangeDeclare(Exchange(name, Exchange.Kind(rawValue: "nope")))
                let text = "connection 503 COMMAND_INVALID - unknown exchange type 'nope'"
                #expect(try await channel.refusal(of: declare) == text)
            }
        }
    }

    @Test func predeclaredExchangesAreThere() async throws {
        try await conform { session in
            let channel = try await session.channel()
            let exchanges = [
                Exchange("amq.direct", .direct), Exchange("amq.fanout", .fanout), Exchange("amq.topic", .topic),
                Exchange("amq.headers", .headers), Exchange("amq.match", .headers),
            ]
            for exchange in exchanges {
                try await channel.declare(exchange, passive: true)
                try await channel.declare(exchange)
            }
        }
    }

    @Test func predeclaredExchangesRoute() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("q"))
            for exchange in ["amq.direct", "amq.fanout", "amq.topic"] {
                try await channel.bind("q", to: exchange, key: "k")
                try await channel.publish("by \(exchange)", to: exchange, key: "k", mandatory: true)
            }
            for exchange in ["amq.headers", "amq.match"] {
                try await channel.bind("q", to: exchange, arguments: ["a": 1])
                let message = Message("by \(exchange)", properties: BasicProperties(headers: ["a": 1]))
                try await channel.publish(message, to: exchange, key: "", mandatory: true)
            }
            #expect(try await session.contents(of: "q", count: 5).count == 5)
        }
    }

    @Test func namesThatBeginWithAmqAreReserved() async throws {
        try await conform { session in
            let channel = try await session.channel()
            #expect(
                try await channel.refusal(of: .exchangeDeclare(Exchange("amq.mine", .direct)))
                    == "channel 403 ACCESS_REFUSED - exchange name 'amq.mine' contains reserved prefix 'amq.*'"
            )
            for name in ["amq.direct", "amq.mine"] {
                let text = "channel 403 ACCESS_REFUSED - deletion of system exchange '\(name)' in vhost '/' not allowed"
                #expect(try await session.refusal(of: .exchangeDelete(name)) == text)
            }
        }
    }

    @Test func theDefaultExchangeIsNotTouched() async throws {
        try await conform { session in
            try await session.channel().declare(Queue("q"))
            let methods: [AMQPMethod] = [
                .exchangeDeclare(Exchange("", .direct)), .exchangeDeclare(Exchange("", .direct), passive: true),
                .exchangeDelete(""), .exchangeBind("amq.direct", to: ""), .exchangeBind("", to: "amq.direct"),
                .exchangeUnbind("amq.direct", from: ""), .queueBind("q", to: "", key: "k"),
                .queueUnbind("q", from: "", key: "k"),
            ]
            for method in methods {
                let text = "channel 403 ACCESS_REFUSED - operation not permitted on the default exchange"
                #expect(try await session.refusal(of: method) == text)
            }
        }
    }

    @Test func nobodyPublishesToAnInternalExchange() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Exchange("in", .fanout, isInternal: true))
            try await channel.declare(Exchange("out", .fanout))
            try await channel.declare(Queue("q"))
            try await channel.bind("q", to: "in")
            try await channel.call(.exchangeBind("in", to: "out"))
            try await channel.publish("1", to: "out", key: "")
            #expect(try await session.contents(of: "q", count: 1) == ["1"])
            let publish = AMQPMethod.basicPublish(Message("2"), to: "in", key: "")
            let text = "channel 403 ACCESS_REFUSED - cannot publish to internal exchange 'in' in vhost '/'"
            #expect(try await channel.refusal(of: publish) == text)
        }
    }

    @Test func anExchangeWithBindingsIsInUse() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Exchange("source", .fanout))
            try await channel.declare(Exchange("target", .fanout))
            try await channel.call(.exchangeBind("target", to: "source"))
            let text = "channel 406 PRECONDITION_FAILED - exchange 'source' in vhost '/' in use"
            #expect(try await channel.refusal(of: .exchangeDelete("source", ifUnused: true)) == text)
            let other = try await session.channel()
            try await other.delete(exchange: "target", ifUnused: true)
            try await other.delete(exchange: "source", ifUnused: true)
            try await session.expectNoExchange("source")
        }
    }

    @Test func deletingAnExchangeRemovesItsBindings() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("q"))
            try await channel.declare(Exchange("x", .fanout))
            try await channel.bind("q", to: "x")
            try await channel.delete(exchange: "x")
            try await channel.declare(Exchange("x", .fanout))
            try await channel.publish("lost", to: "x", key: "", mandatory: true)
            #expect(try await channel.returns().count == 1)
        }
    }
}
