import EnokiTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct HeartbeatCases {
    @Test func brokerSendsTwiceInThatTimeAndWaitsForTwoOrThree() async throws {
        try await conformOnWire { session in
            let client = try await session.connect(.tuning)
            let clock = ContinuousClock()
            // Before the broker begins to count: however late this task is, it sees no less time pass than the broker.
            let begin = clock.now
            client.send(.tuneOk(heartbeat: 1), .connectionOpen(session.peer.virtualHost))
            #expect(try await client.nextButHeartbeats(1) == ["0 connection.open-ok ''"])
            #expect(try await client.next(2) == [RawConnection.heartbeat, RawConnection.heartbeat])
            // Half a second apart; a busy machine may be late.
            #expect((.milliseconds(700) ... .seconds(20)).contains(clock.now - begin))
            #expect(try await client.nextButHeartbeats(1) == [RawConnection.end])
            #expect((.milliseconds(1900) ... .seconds(40)).contains(clock.now - begin))
        }
    }

    @Test func anyFrameOfTheClientCounts() async throws {
        try await conformOnWire { session in
            // So much that a machine that is busy is not taken for a silent client.
            let client = try await session.connect(tuneOk: .tuneOk(heartbeat: 5))
            // Longer than a silent client may be.
            for _ in 0..<9 {
                client.send(.method(.channelFlow(active: true), on: 1))
                #expect(try await client.nextButHeartbeats(1) == ["1 channel.flow-ok 1"])
                try await Task.sleep(for: .milliseconds(1800))
            }
            client.hangUp()
        }
    }

    @Test func noneIsSentWhereNoneIsAgreedOn() async throws {
        try await conformOnWire { session in
            let client = try await session.connect(tuneOk: .tuneOk(heartbeat: 0))
            try await Task.sleep(for: .milliseconds(600))
            client.send(.confirmSelect(on: 1))
            #expect(try await client.next() == "1 confirm.select-ok")
        }
    }
}
