import EnokiTestSupport
import EnokiTestTraits
import Testing

@Suite(.timeLimit(.minutes(5))) struct PublishCases {
    private static func failed(_ text: String) -> String { "1 channel.close 406 'PRECONDITION_FAILED - \(text)' 60 40" }

    private static let expirations: [(String, String)] = [
        ("abc", "no_integer"), ("", "no_integer"), (" 10", "no_integer"), ("-1", "{value_negative,-1}"),
        ("1.5", "{leftover_string,\".5\"}"), ("10 ", "{leftover_string,\" \"}"), ("1e3", "{leftover_string,\"e3\"}"),
        ("0x10", "{leftover_string,\"x10\"}"), ("315360000001", "{value_too_large,315360000001}"),
        (
            "99999999999999999999",
            #"{value_too_large,\n                                            99999999999999999999}"#
        ),
    ]

    @Test(arguments: Self.expirations)
    func expirationThatIsNone(text: String, reason: String) async throws {
        let message = [RawFrame].message("m", flags: 0x0100, .shortString(text))
        try await WireExchange("", message, Self.failed("invalid expiration '\(text)': \(reason)")).run()
    }

    private static let oddMessages: [WireExchange] = [
        WireExchange("immediate", .message("m", bits: 2), Self.immediate),
        WireExchange("immediate to a missing exchange", .message("m", to: "nope", bits: 2), Self.immediate),
        WireExchange(
            "delivery mode 3",
            .message("m", flags: 0x1000, .octet(3)),
            failed("invalid message: {delivery_mode_unknown,3}")
        ),
        WireExchange(
            "delivery mode 0",
            .message("m", flags: 0x1000, .octet(0)),
            failed("invalid message: {delivery_mode_unknown,0}")
        ),
        WireExchange("another's name", .message("m", flags: 0x0010, .shortString("bob")), Self.claimed),
        WireExchange(
            "another's name comes before the expiration",
            .message("m", flags: 0x0110, .shortString("x"), .shortString("bob")),
            Self.claimed
        ),
        WireExchange(
            "expiration comes before the delivery mode",
            .message("m", flags: 0x1100, .octet(3), .shortString("x")),
            failed("invalid expiration 'x': no_integer")
        ),
        WireExchange("own name", .message("m", flags: 0x0010, .shortString("guest"))),
        WireExchange("expiration with a plus", .message("m", flags: 0x0100, .shortString("+5"))),
        WireExchange("expiration with zeros", .message("m", flags: 0x0100, .shortString("0005"))),
        WireExchange("longest expiration", .message("m", flags: 0x0100, .shortString("315360000000"))),
        WireExchange(
            "other bits mean nothing",
            .message("m", key: "nope", bits: 0xFD),
            "1 basic.return 312 'NO_ROUTE' '' 'nope'",
            "1 header 60 size 1",
            "1 body 'm'"
        ),
    ]

    @Test(arguments: Self.oddMessages)
    func messageIsLookedAt(exchange: WireExchange) async throws { try await exchange.run() }

    private static let immediate = "0 connection.close 540 'NOT_IMPLEMENTED - immediate=true' 60 40"
    private static let claimed = failed("user_id property set to 'bob' but authenticated user was 'guest'")

    /// To send 128 MiB blocks a thread for as long as the broker takes to read them.
    @Test(.ownThread) func messageAboveTheLimitClosesTheChannelWhenItIsThere() async throws {
        try await conformOnWire { session in
            let client = try await session.connect()
            let size = 134_217_729
            client.send(.publish(), .header(size: UInt64(size), on: 1))
            let part = RawFrame(kind: 3, channel: 1, payload: Array(repeating: 0, count: 131_064))
            let bytes = part.bytes
            for _ in 0..<(size / 131_064) { client.send(bytes: bytes) }
            client.send(RawFrame(kind: 3, channel: 1, payload: Array(repeating: 0, count: size % 131_064)))
            let reason = "message size 134217729 is larger than configured max size 134217728"
            #expect(try await client.next() == Self.failed(reason))
        }
    }

    @Test func returnComesBeforeTheConfirm() async throws {
        try await conformOnWire { session in
            let client = try await session.connect()
            client.send([.confirmSelect(on: 1)] + .message("m", key: "nope", bits: 1))
            #expect(
                try await client.next(5) == [
                    "1 confirm.select-ok", "1 basic.return 312 'NO_ROUTE' '' 'nope'", "1 header 60 size 1",
                    "1 body 'm'",
                    "1 basic.ack 1 0",
                ]
            )
        }
    }

    @Test func returnsComeBeforeCommitOk() async throws {
        try await conformOnWire { session in
            let client = try await session.connect()
            client.send(.method(.txSelect, on: 1))
            client.send(.message("m", key: "a", bits: 1) + .message("n", key: "b", bits: 1))
            client.send(.method(.txCommit, on: 1))
            #expect(
                try await client.next(8) == [
                    "1 tx.select-ok", "1 basic.return 312 'NO_ROUTE' '' 'a'", "1 header 60 size 1", "1 body 'm'",
                    "1 basic.return 312 'NO_ROUTE' '' 'b'", "1 header 60 size 1", "1 body 'n'", "1 tx.commit-ok",
                ]
            )
        }
    }
}
