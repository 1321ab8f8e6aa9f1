import EnokiTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct ChannelNumberCases {
    private static let full =
        "0 connection.close 530 'NOT_ALLOWED - number of channels opened (1) has reached the negotiated channel_max (1)' 0 0"
    private static let missing = "1 channel.close 404 'NOT_FOUND - no queue 'nope' in vhost '/'' 60 70"

    @Test func anyNumberWillDo() async throws {
        try await conformOnWire { session in
            let client = try await session.connect(tuneOk: .tuneOk(channelMax: 2))
            client.send(.channelOpen(65_535), .confirmSelect(on: 65_535))
            #expect(try await client.next(2) == ["65535 channel.open-ok ''", "65535 confirm.select-ok"])
        }
    }

    @Test func channelsAreCounted() async throws {
        try await conformOnWire { session in
            let client = try await session.connect(tuneOk: .tuneOk(channelMax: 1))
            client.send(.channelOpen(2))
            #expect(try await client.next() == Self.full)
        }
    }

    @Test func anyFrameOnAChannelTooManyIsRefused() async throws {
        try await conformOnWire { session in
            let client = try await session.connect(tuneOk: .tuneOk(channelMax: 1))
            client.send(.body("x", on: 2))
            #expect(try await client.next() == Self.full)
        }
    }

    @Test func closedChannelMakesRoom() async throws {
        try await conformOnWire { session in
            let client = try await session.connect(tuneOk: .tuneOk(channelMax: 1))
            client.send(.channelClose(1))
            #expect(try await client.next() == "1 channel.close-ok")
            client.send(.channelOpen(500))
            #expect(try await client.next() == "500 channel.open-ok ''")
        }
    }

    @Test func channelThatIsClosingCountsUntilTheClientAgrees() async throws {
        try await conformOnWire { session in
            let client = try await session.connect(tuneOk: .tuneOk(channelMax: 1))
            client.send(.missingGet())
            #expect(try await client.next() == Self.missing)
            client.send(.channelCloseOk(1), .channelOpen(2))
            #expect(try await client.next() == "2 channel.open-ok ''")
            client.send(.missingGet(on: 2))
            #expect(try await client.next() == "2" + Self.missing.dropFirst())
            client.send(.channelOpen(3))
            #expect(try await client.next() == Self.full)
        }
    }
}
