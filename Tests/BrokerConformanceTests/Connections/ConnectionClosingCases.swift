import EnokiBroker
import EnokiTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct ConnectionClosingCases {
    private static let unexpected =
        "0 connection.close 504 'CHANNEL_ERROR - unexpected method in connection state running' 10 40"

    @Test func clientIsLeftToCloseTheSocket() async throws {
        try await conformOnWire { session in
            // So much that a machine that is busy is not taken for a silent client.
            let client = try await session.connect(tuneOk: .tuneOk(heartbeat: 5))
            let begin = ContinuousClock.now
            client.send(.connectionClose)
            #expect(try await client.nextButHeartbeats(1) == ["0 connection.close-ok"])
            // As long as a heartbeat may take, where that is less than half a minute.
            #expect(try await client.nextButHeartbeats(1) == [RawConnection.end])
            #expect((.milliseconds(4900) ... .seconds(20)).contains(ContinuousClock.now - begin))
        }
    }

    @Test func closeIsAnsweredAsOftenAsItIsSent() async throws {
        try await conformOnWire { session in
            let client = try await session.connect()
            client.send(.connectionClose, .connectionClose)
            #expect(try await client.next(2) == ["0 connection.close-ok", "0 connection.close-ok"])
        }
    }

    @Test func nothingElseIsHeardAfterClose() async throws {
        try await conformOnWire { session in
            let client = try await session.connect()
            client.send(.connectionClose)
            #expect(try await client.next() == "0 connection.close-ok")
            client.send(.confirmSelect(on: 1), .missingGet(), RawFrame(kind: 9, channel: 0), .connectionOpen("/"))
            client.send(.body("x", on: 0), .channelOpen(7), .method(60, 99, on: 1), .connectionClose)
            #expect(try await client.next() == "0 connection.close-ok")
            client.hangUp()
        }
    }

    @Test func closeOkOfTheClientEndsItsOwnClose() async throws {
        try await conformOnWire { session in
            let client = try await session.connect()
            client.send(.connectionClose)
            #expect(try await client.next() == "0 connection.close-ok")
            client.send(.connectionCloseOk)
            #expect(try await client.next() == RawConnection.end)
        }
    }

    @Test func afterTheBrokersCloseTheClientMayCloseToo() async throws {
        try await conformOnWire { session in
            let client = try await session.connect()
            client.send(.connectionOpen("/"))
            #expect(try await client.next() == Self.unexpected)
            client.send(.connectionClose, .confirmSelect(on: 1), .connectionClose, .connectionCloseOk)
            #expect(
                try await client.next(3) == ["0 connection.close-ok", "0 connection.close-ok", RawConnection.end]
            )
        }
    }

    @Test func afterTheBrokersCloseNothingIsDone() async throws {
        try await conformOnWire { session in
            let client = try await session.connect()
            client.send(.connectionOpen("/"), .method(.queueDeclare(Queue("q")), on: 1), .connectionClose)
            #expect(try await client.next(2) == [Self.unexpected, "0 connection.close-ok"])
            client.hangUp()
            let other = try await session.connect()
            other.send(.method(.queueDeclare(Queue("q"), passive: true), on: 1))
            #expect(try await other.next() == "1 channel.close 404 'NOT_FOUND - no queue 'q' in vhost '/'' 50 10")
        }
    }

    @Test func brokerDoesNotWaitForeverForTheClientToAgree() async throws {
        try await conformOnWire { session in
            let client = try await session.connect(tuneOk: .tuneOk(heartbeat: 5))
            let begin = ContinuousClock.now
            client.send(.connectionOpen("/"))
            #expect(try await client.nextButHeartbeats(1) == [Self.unexpected])
            #expect(try await client.nextButHeartbeats(1) == [RawConnection.end])
            #expect((.milliseconds(4900) ... .seconds(20)).contains(ContinuousClock.now - begin))
        }
    }

    @Test func whoOnlyListensIsGone() async throws {
        try await conformOnWire { session in
            let client = try await session.connect()
            client.send(.confirmSelect(on: 1))
            #expect(try await client.next() == "1 confirm.select-ok")
            client.finishSending()
            #expect(try await client.next() == RawConnection.end)
        }
    }

    @Test func exclusiveQueueIsGoneWhenCloseIsAnswered() async throws {
        try await conformOnWire { session in
            let client = try await session.connect()
            client.send(.method(.queueDeclare(Queue("q", exclusive: true)), on: 1), .connectionClose)
            #expect(try await client.next(2) == ["1 queue.declare-ok 'q' 0 0", "0 connection.close-ok"])
            let other = try await session.connect()
            other.send(.method(.queueDeclare(Queue("q"), passive: true), on: 1))
            #expect(try await other.next() == "1 channel.close 404 'NOT_FOUND - no queue 'q' in vhost '/'' 50 10")
        }
    }

    @Test func errorOnOneChannelEndsAll() async throws {
        try await conformOnWire { session in
            let client = try await session.connect()
            client.send(.channelOpen(2))
            #expect(try await client.next() == "2 channel.open-ok ''")
            client.send(.message("m", bits: 2, on: 2))
            #expect(try await client.next() == "0 connection.close 540 'NOT_IMPLEMENTED - immediate=true' 60 40")
            client.send(.confirmSelect(on: 1))
            #expect(try await client.acceptClose() == RawConnection.end)
        }
    }
}
