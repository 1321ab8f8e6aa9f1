import EnokiBroker
import EnokiTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct NoWaitCases {
    private static func declareQueue(_ name: String, bits: UInt8 = 16) -> RawFrame {
        .method(50, 10, .short(0), .shortString(name), .octet(bits), .table([:]), on: 1)
    }

    private static func bind(_ classID: UInt16, _ methodID: UInt16, _ destination: String, _ source: String) -> RawFrame
    {
        .method(
            classID,
            methodID,
            .short(0),
            .shortString(destination),
            .shortString(source),
            .shortString("k"),
            .octet(1),
            .table([:]),
            on: 1
        )
    }

    private static func consume(_ queue: String, tag: String, bits: UInt8 = 8 | 2) -> RawFrame {
        .method(60, 20, .short(0), .shortString(queue), .shortString(tag), .octet(bits), .table([:]), on: 1)
    }

    @Test func nothingIsAnswered() async throws {
        try await conformOnWire { session in
            let client = try await session.connect()
            client.send(
                Self.declareQueue("q"),
                .method(40, 10, .short(0), .shortString("x"), .shortString("direct"), .octet(16), .table([:]), on: 1),
                Self.bind(50, 20, "q", "x"),
                Self.bind(40, 30, "x", "amq.direct"),
                Self.bind(40, 40, "x", "amq.direct")
            )
            client.send(.message("purged", to: "x", key: "k"))
            client.send(.method(50, 30, .short(0), .shortString("q"), .octet(1), on: 1), Self.consume("q", tag: "c"))
            client.send(.message("m", to: "x", key: "k"))
            #expect(
                try await client.next(3) == ["1 basic.deliver 'c' 1 0 'x' 'k'", "1 header 60 size 1", "1 body 'm'"]
            )
            client.send(
                .method(60, 30, .shortString("c"), .octet(1), on: 1),
                .method(50, 40, .short(0), .shortString("q"), .octet(4), on: 1),
                .method(40, 20, .short(0), .shortString("x"), .octet(2), on: 1),
                .method(85, 10, .octet(1), on: 1),
                .method(.queueDeclare(Queue("q"), passive: true), on: 1)
            )
            #expect(try await client.next() == "1 channel.close 404 'NOT_FOUND - no queue 'q' in vhost '/'' 50 10")
        }
    }

    @Test func nameOfTheBrokersMakingIsTheLastOne() async throws {
        try await conformOnWire { session in
            let client = try await session.connect()
            client.send(Self.declareQueue(""), .method(.queueDelete(""), on: 1))
            #expect(try await client.next() == "1 queue.delete-ok 0")
        }
    }

    private static let errors: [WireExchange] = [
        WireExchange(
            "queue.declare",
            [declareQueue("nope", bits: 17)],
            "1 channel.close 404 'NOT_FOUND - no queue 'nope' in vhost '/'' 50 10"
        ),
        WireExchange(
            "basic.consume",
            [consume("nope", tag: "c")],
            "1 channel.close 404 'NOT_FOUND - no queue 'nope' in vhost '/'' 60 20"
        ),
        WireExchange(
            "confirm.select",
            [.method(.txSelect, on: 1), .method(85, 10, .octet(1), on: 1)],
            "1 tx.select-ok",
            "1 channel.close 406 'PRECONDITION_FAILED - cannot switch from tx to confirm mode' 85 10"
        ),
        WireExchange(
            "queue.bind",
            [bind(50, 20, "nope", "amq.direct")],
            "1 channel.close 404 'NOT_FOUND - no queue 'nope' in vhost '/'' 50 20"
        ),
    ]

    @Test(arguments: Self.errors)
    func errorsAreTold(exchange: WireExchange) async throws { try await exchange.run() }

    @Test func tagOfTheBrokersMakingIsInTheDelivery() async throws {
        try await conformOnWire { session in
            let client = try await session.connect()
            client.send(Self.declareQueue("q"), Self.consume("q", tag: ""))
            client.send(.message("m"))
            #expect(try await client.next() == "1 basic.deliver 'amq.ctag-#1' 1 0 '' 'q'")
            try await client.next(2)
        }
    }

    @Test func tagIsTakenAtOnce() async throws {
        try await conformOnWire { session in
            let client = try await session.connect()
            client.send(Self.declareQueue("q"), Self.consume("q", tag: "t"), Self.consume("q", tag: "t"))
            #expect(
                try await client.next()
                    == "0 connection.close 530 'NOT_ALLOWED - attempt to reuse consumer tag 't'' 60 20"
            )
        }
    }

    @Test func otherBitsMeanNothing() async throws {
        try await conformOnWire { session in
            let client = try await session.connect()
            client.send(.method(85, 10, .octet(0xFE), on: 1), .method(85, 10, .octet(0xFF), on: 1))
            #expect(try await client.next() == "1 confirm.select-ok")
        }
    }

    @Test func consumerOfDirectRepliesIsThereAtOnce() async throws {
        try await conformOnWire { session in
            let client = try await session.connect()
            client.send(Self.consume("amq.rabbitmq.reply-to", tag: "r"))
            client.send(.message("m", key: "nope", bits: 1, flags: 0x0200, .shortString("amq.rabbitmq.reply-to")))
            #expect(try await client.next() == "1 basic.return 312 'NO_ROUTE' '' 'nope'")
            #expect(try await client.take().hasPrefix("1 header 60 size 1 flags 0x0200 "))
            #expect(try await client.next() == "1 body 'm'")
        }
    }
}
