import EnokiBroker
import EnokiTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct LoginCases {
    private static let tune = "0 connection.tune 2047 131072 60"
    private static let refused =
        "0 connection.close 403 'ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. "
        + "For details see the broker logfile.' 0 0"

    /// A field of a table, and `AMQPLAIN` is a table's content without its length.
    private static func field(_ name: String, _ kind: Character, _ value: String) -> RawArgument {
        .bytes(RawArgument.octets(of: [.shortString(name), .bytes(Array("\(kind)".utf8)), .longString(value)]))
    }

    @Test(arguments: [
        "the order of the fields does not matter": [field("PASSWORD", "S", "guest"), field("LOGIN", "S", "guest")],
        "other fields do not matter": [
            field("X", "S", "y"), field("LOGIN", "S", "guest"), field("PASSWORD", "S", "guest"),
        ],
        "one of them may be bytes": [field("LOGIN", "x", "guest"), field("PASSWORD", "S", "guest")],
    ])
    func tableWithNameAndPasswordLogsIn(_: String, fields: [RawArgument]) async throws {
        try await conformOnWire { session in
            let client = try await session.connect(.starting)
            client.send(.startOk(mechanism: "AMQPLAIN", response: .longBytes(RawArgument.octets(of: fields))))
            #expect(try await client.next() == Self.tune)
        }
    }

    @Test(arguments: ["\0guest\0nope", "\0nobody\0guest", "\0\0", "\0Guest\0guest", "\0guest\0guest\u{FF}"])
    func refusedLoginIsToldToWhoCanHearIt(response: String) async throws {
        try await conformOnWire { session in
            let client = try await session.connect(.starting)
            client.send(.startOk(response: .longString(response)))
            #expect(try await client.next() == Self.refused)
            #expect(try await client.acceptClose() == RawConnection.end)
        }
    }

    @Test func refusedLoginByTableNamesItsMechanism() async throws {
        try await conformOnWire { session in
            let client = try await session.connect(.starting)
            let fields = [Self.field("LOGIN", "S", "guest"), Self.field("PASSWORD", "S", "nope")]
            client.send(.startOk(mechanism: "AMQPLAIN", response: .longBytes(RawArgument.octets(of: fields))))
            #expect(try await client.next() == Self.refused.replacing("PLAIN", with: "AMQPLAIN"))
            #expect(try await client.acceptClose() == RawConnection.end)
        }
    }

    @Test func refusedLoginWithoutTheCapabilityEndsWhenTheClientCloses() async throws {
        try await conformOnWire { session in
            let client = try await session.connect(.starting)
            client.send(.startOk(response: .longString("\0guest\0nope"), capabilities: [:]), .connectionCloseOk)
            #expect(try await client.next() == RawConnection.end)
        }
    }

    @Test(arguments: ["", "xx_YY", "en_US"])
    func anyLocaleWillDo(locale: String) async throws {
        try await conformOnWire { session in
            let client = try await session.connect(.starting)
            client.send(.startOk(locale: locale))
            #expect(try await client.next() == Self.tune)
        }
    }

    @Test func capabilitiesNeedNotBeATable() async throws {
        try await conformOnWire { session in
            let client = try await session.connect(.starting)
            let properties: Headers = ["capabilities": "all", "product": 5]
            client.send(
                .method(
                    10,
                    11,
                    .table(properties),
                    .shortString("PLAIN"),
                    .longString("\0guest\0guest"),
                    .shortString("en_US"),
                    on: 0
                )
            )
            #expect(try await client.next() == Self.tune)
        }
    }

    @Test func heartbeatsMayComeAtAnyStep() async throws {
        try await conformOnWire { session in
            let client = try await session.connect(.starting)
            client.send(.heartbeat, .startOk(), .heartbeat, .tuneOk(), .heartbeat)
            client.send(.connectionOpen(session.peer.virtualHost), .heartbeat)
            #expect(try await client.next(2) == [Self.tune, "0 connection.open-ok ''"])
        }
    }

    @Test(arguments: [
        RawFrame.tuneOk(frameMax: 4096), .tuneOk(channelMax: 1), .tuneOk(heartbeat: 65_535), .tuneOk(heartbeat: 30),
    ])
    func lowerLimitsAreTaken(tuneOk: RawFrame) async throws {
        try await conformOnWire { session in
            let client = try await session.connect(.tuning)
            client.send(tuneOk, .connectionOpen(session.peer.virtualHost))
            #expect(try await client.next() == "0 connection.open-ok ''")
        }
    }

    @Test func startNamesTheBrokerAndWhatItCan() async throws {
        try await conformOnWire { session in
            let client = try await session.connect(.connected)
            client.send(bytes: Array("AMQP".utf8) + [0, 0, 9, 1])
            let start = try await client.take()
            let capabilities = [
                "authentication_failure_close", "basic.nack", "connection.blocked", "consumer_cancel_notify",
                "consumer_priorities", "direct_reply_to", "exchange_exchange_bindings", "per_consumer_qos",
                "publisher_confirms",
            ]
            let list = capabilities.map { "\($0): true" }.joined(separator: ", ")
            #expect(start.hasPrefix("0 connection.start 0 9 {capabilities: {\(list)}, cluster_name: "))
            #expect(start.contains(", product: \"RabbitMQ\", version: \"3.10."))
            #expect(start.hasSuffix("PLAIN' 'en_US'"))
        }
    }
}
