import EnokiBroker
import EnokiTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct ContentCases {
    private static func unexpected(_ text: String, _ ids: String = "60 40") -> String {
        "0 connection.close 505 'UNEXPECTED_FRAME - expected \(text) instead' \(ids)"
    }

    private static let noHeader = unexpected("content header for class 60, got non content header frame")
    private static let noBody = unexpected("content body, got non content body frame")
    private static let noMethod = unexpected("method frame, got non method frame", "0 0")

    private static let disorders: [WireExchange] = [
        WireExchange("method for header", [.publish(), .confirmSelect(on: 1)], noHeader),
        WireExchange("body for header", [.publish(), .body("x", on: 1)], noHeader),
        WireExchange("header of another class", [.publish(), .header(size: 1, ofClass: 50, on: 1)], Self.otherClass),
        WireExchange("header with a weight", [.publish(), .header(size: 1, weight: 1, on: 1)], noHeader),
        WireExchange("method for body", [.publish(), .header(size: 5, on: 1), .confirmSelect(on: 1)], noBody),
        WireExchange("header for body", [.publish(), .header(size: 5, on: 1), .header(size: 5, on: 1)], noBody),
        WireExchange("header for method", [.header(size: 1, on: 1)], noMethod),
        WireExchange("body for method", [.body("x", on: 1)], noMethod),
        WireExchange("body of nothing", [.publish(), .header(size: 0, on: 1), .body("", on: 1)], noMethod),
    ]

    @Test(arguments: Self.disorders)
    func contentOutOfOrder(exchange: WireExchange) async throws { try await exchange.run() }

    private static let otherClass = unexpected("content header for class 60, got one for class 50")

    @Test func hugeBodyMayBeAnnounced() async throws {
        try await conformOnWire { session in
            let client = try await session.connect()
            client.send(.publish(), .header(size: 1 << 63, on: 1), .body("x", on: 1))
            client.send(.channelOpen(2))
            #expect(try await client.next() == "2 channel.open-ok ''")
        }
    }

    @Test func bodyComesInAnyPieces() async throws {
        try await conformOnWire { session in
            let client = try await session.connect()
            client.send(.method(.queueDeclare(Queue("q")), on: 1), .publish(), .header(size: 3, on: 1))
            client.send(["", "a", "", "bc"].map { .body($0, on: 1) })
            client.send(.method(.basicGet("q", noAck: true), on: 1))
            #expect(
                try await client.next(4) == [
                    "1 queue.declare-ok 'q' 0 0", "1 basic.get-ok 1 0 '' 'q' 0", "1 header 60 size 3", "1 body 'abc'",
                ]
            )
        }
    }

    @Test func messageWithoutABodyHasNoBodyFrame() async throws {
        try await conformOnWire { session in
            let client = try await session.connect()
            client.send(.method(.queueDeclare(Queue("q")), on: 1))
            client.send(.message(""))
            client.send(.method(.basicGet("q", noAck: true), on: 1), .confirmSelect(on: 1))
            #expect(
                try await client.next(4) == [
                    "1 queue.declare-ok 'q' 0 0", "1 basic.get-ok 1 0 '' 'q' 0", "1 header 60 size 0",
                    "1 confirm.select-ok",
                ]
            )
        }
    }

    @Test func bodyIsSplitIntoFramesThatTheClientTakes() async throws {
        try await conformOnWire { session in
            let client = try await session.connect(tuneOk: .tuneOk(frameMax: 4096))
            client.send(.method(.queueDeclare(Queue("q")), on: 1), .publish(), .header(size: 9000, on: 1))
            client.send((0..<3).map { .body(String(repeating: "\($0)", count: 3000), on: 1) })
            client.send(.method(.basicGet("q", noAck: true), on: 1))
            let text = ["0", "1", "2"].map { String(repeating: $0, count: 3000) }.joined()
            let frames = [text.prefix(4088), text.dropFirst(4088).prefix(4088), text.dropFirst(8176)]
            #expect(
                try await client.next(6) == [
                    "1 queue.declare-ok 'q' 0 0", "1 basic.get-ok 1 0 '' 'q' 0", "1 header 60 size 9000",
                ] + frames.map { "1 body '\($0)'" }
            )
        }
    }

    @Test func otherChannelsAndHeartbeatsMayComeBetween() async throws {
        try await conformOnWire { session in
            let client = try await session.connect()
            client.send(.channelOpen(2), .method(.queueDeclare(Queue("q")), on: 2), .publish(), .heartbeat)
            client.send(.confirmSelect(on: 2), .header(size: 2, on: 1), .publish(on: 2), .body("a", on: 1), .heartbeat)
            client.send(.header(size: 1, on: 2), .body("b", on: 1), .body("c", on: 2))
            #expect(
                try await client.next(4) == [
                    "2 channel.open-ok ''", "2 queue.declare-ok 'q' 0 0", "2 confirm.select-ok", "2 basic.ack 1 0",
                ]
            )
        }
    }

    private static let malformedProperties: [WireExchange] = [
        WireExchange("string that is cut", .message("m", flags: 0x8000, .bytes([9, 97, 98])), internalError),
        WireExchange("octets that are left", .message("m", flags: 0, .bytes([1])), internalError),
        WireExchange("second word of flags", .message("m", flags: 1, .short(0)), internalError),
        WireExchange("field that is cut", .message("m", flags: 0x2000, .longBytes([5, 97])), internalError),
        WireExchange(
            "unknown kind of field",
            .message("m", flags: 0x2000, .longBytes([1, 97, UInt8(ascii: "Z"), 49])),
            internalError
        ),
        WireExchange("no flags", [.publish(), Self.headerWithoutFlags, .body("m", on: 1)], internalError),
        WireExchange(
            "missing exchange comes first",
            .message("m", to: "nope", flags: 0, .bytes([1])),
            "1 channel.close 404 'NOT_FOUND - no exchange 'nope' in vhost '/'' 60 40"
        ),
    ]

    @Test(arguments: Self.malformedProperties)
    func propertiesThatCannotBeDecoded(exchange: WireExchange) async throws { try await exchange.run() }

    private static let internalError = "0 connection.close 541 'INTERNAL_ERROR' 0 0"
    private static let headerWithoutFlags = RawFrame(
        kind: 2,
        channel: 1,
        payload: RawArgument.octets(of: [.short(60), .short(0), .longlong(1)])
    )

    private static let oddProperties: [([RawArgument], UInt16, String)] = [
        ([], 0x0002, "flags 0x0002"),
        ([.shortBytes([0xFF])], 0x8000, #"flags 0x8000 '\x01\xff'"#),
        ([.octet(255)], 0x0800, #"flags 0x0800 '\xff'"#),
        ([.longBytes([])], 0x2000, #"flags 0x2000 '\x00\x00\x00\x00'"#),
        (
            [.longBytes([1, 97, UInt8(ascii: "t"), 7, 1, 97, UInt8(ascii: "V")])], 0x2000,
            #"flags 0x2000 '\x00\x00\x00\x07\x01at\x07\x01aV'"#
        ),
        ([.longlong(.max)], 0x0040, #"flags 0x0040 '\xff\xff\xff\xff\xff\xff\xff\xff'"#),
        ([.shortString("007")], 0x0100, #"flags 0x0100 '\x03007'"#),
        ([.shortString("+60000")], 0x0100, #"flags 0x0100 '\x06+60000'"#),
    ]

    @Test(arguments: Self.oddProperties)
    func propertiesComeOutAsTheyWentIn(properties: [RawArgument], flags: UInt16, text: String) async throws {
        try await conformOnWire { session in
            let client = try await session.connect()
            var header = RawFrame.header(size: 1, flags: flags, on: 1)
            header.payload += RawArgument.octets(of: properties)
            client.send(.method(.queueDeclare(Queue("q")), on: 1), .publish(), header, .body("m", on: 1))
            client.send(.method(.basicGet("q", noAck: true), on: 1))
            #expect(
                try await client.next(4) == [
                    "1 queue.declare-ok 'q' 0 0", "1 basic.get-ok 1 0 '' 'q' 0", "1 header 60 size 1 \(text)",
                    "1 body 'm'",
                ]
            )
        }
    }
}
