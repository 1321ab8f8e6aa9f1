import EnokiBroker
import EnokiTestSupport
import Testing

/// Who says something wrong before he is in hears nothing; the connection ends after three seconds (RabbitMQ's
/// `SILENT_CLOSE_DELAY`).
@Suite(.timeLimit(.minutes(5))) struct SilentRefusalCases {
    private struct Mistake {
        let name: String
        let stage: RawSession.Stage
        let sent: [RawFrame]

        init(_ name: String, at stage: RawSession.Stage, _ sent: RawFrame...) {
            self.name = name
            self.stage = stage
            self.sent = sent
        }
    }

    private static let credentials: [Mistake] = [
        Mistake("no mechanism", at: .starting, .startOk(mechanism: "")),
        Mistake("unknown mechanism", at: .starting, .startOk(mechanism: "EXTERNAL")),
        Mistake("mechanism in small letters", at: .starting, .startOk(mechanism: "plain")),
        Mistake("empty response", at: .starting, .startOk(response: .longString(""))),
        Mistake("identity to act for", at: .starting, .startOk(response: .longString("guest\0guest\0guest"))),
        Mistake("no password", at: .starting, .startOk(response: .longString("\0guest"))),
        Mistake("third part", at: .starting, .startOk(response: .longString("\0guest\0guest\0"))),
        Mistake("table without password", at: .starting, Self.amqplain(.shortString("LOGIN"), "guest")),
        Mistake("table with another", at: .starting, .startOk(mechanism: "AMQPLAIN", response: .longString("abc"))),
        Mistake("no capability, wrong password", at: .starting, Self.wrongPassword(capabilities: [:])),
        Mistake(
            "capability is off, wrong password",
            at: .starting,
            Self.wrongPassword(capabilities: ["authentication_failure_close": false])
        ),
    ]

    private static let order: [Mistake] = [
        Mistake("tune-ok for start-ok", at: .starting, .tuneOk()),
        Mistake("open for start-ok", at: .starting, .connectionOpen("/")),
        Mistake("close for start-ok", at: .starting, .connectionClose),
        Mistake("channel before start-ok", at: .starting, .channelOpen(1)),
        Mistake("second start-ok", at: .tuning, .startOk()),
        Mistake("open for tune-ok", at: .tuning, .connectionOpen("/")),
        Mistake("close for tune-ok", at: .tuning, .connectionClose),
        Mistake("channel before tune-ok", at: .tuning, .channelOpen(1)),
        Mistake("secure-ok without secure", at: .tuning, .method(10, 21, .longString("x"), on: 0)),
    ]

    private static let limits: [Mistake] = [
        Mistake("frame_max above ours", at: .tuning, .tuneOk(frameMax: 131_073)),
        Mistake("frame_max below the least", at: .tuning, .tuneOk(frameMax: 4095)),
        Mistake("no frame_max", at: .tuning, .tuneOk(frameMax: 0)),
        Mistake("channel_max above ours", at: .tuning, .tuneOk(channelMax: 2048)),
        Mistake("no channel_max", at: .tuning, .tuneOk(channelMax: 0)),
    ]

    private static let syntax: [Mistake] = [
        Mistake("unknown frame", at: .starting, RawFrame(kind: 9, channel: 0)),
        Mistake("large frame", at: .starting, .startOk(response: .longString(String(repeating: "x", count: 5000)))),
        Mistake("short start-ok", at: .starting, .method(10, 11, .octet(0), on: 0)),
        Mistake("malformed properties", at: .starting, .method(10, 11, .longString("\u{5}abc"), on: 0)),
        Mistake("mechanism not UTF-8", at: .starting, Self.mechanismNotUTF8),
        Mistake("short tune-ok", at: .tuning, .method(10, 31, .octet(0), on: 0)),
        Mistake("short open", at: .opening, .method(10, 40, .octet(5), on: 0)),
    ]

    private static let mechanismNotUTF8 = RawFrame.method(
        10,
        11,
        .table([:]),
        .shortBytes([0xFF]),
        .longString("\0guest\0guest"),
        .shortString("en_US"),
        on: 0
    )

    private static func wrongPassword(capabilities: Headers) -> RawFrame {
        .startOk(response: .longString("\0guest\0nope"), capabilities: capabilities)
    }

    private static func amqplain(_ name: RawArgument, _ value: String) -> RawFrame {
        .startOk(
            mechanism: "AMQPLAIN",
            response: .longBytes(RawArgument.octets(of: [name, .bytes(Array("S".utf8)), .longString(value)]))
        )
    }

    /// All wait at the same time.
    private func expectSilence(_ mistakes: [Mistake]) async throws {
        try await conformOnWire { session in
            let clock = ContinuousClock()
            var clients: [(Mistake, RawConnection, ContinuousClock.Instant)] = []
            for mistake in mistakes {
                let client = try await session.connect(mistake.stage)
                clients.append((mistake, client, clock.now))
                client.send(mistake.sent)
            }
            for (mistake, client, sent) in clients {
                #expect(try await client.next() == RawConnection.end, "\(mistake.name)")
                #expect(clock.now - sent >= .milliseconds(2900), "\(mistake.name)")
            }
        }
    }

    @Test func malformedCredentials() async throws { try await self.expectSilence(Self.credentials) }

    @Test func methodOutOfOrder() async throws { try await self.expectSilence(Self.order) }

    @Test func limitsThatAreNotOffered() async throws { try await self.expectSilence(Self.limits) }

    @Test func framesThatMakeNoSense() async throws { try await self.expectSilence(Self.syntax) }

    @Test func unknownMethodEndsTheConnectionAtOnce() async throws {
        try await conformOnWire { session in
            var delays: [Duration] = []
            for stage in [RawSession.Stage.starting, .tuning, .opening, .running] {
                let client = try await session.connect(stage)
                let sent = ContinuousClock.now
                client.send(.method(10, 99, on: 0))
                #expect(try await client.next() == RawConnection.end)
                delays.append(ContinuousClock.now - sent)
            }
            // A busy machine may be late, but hardly each time.
            #expect(delays.contains { $0 < .milliseconds(2900) })
        }
    }
}
