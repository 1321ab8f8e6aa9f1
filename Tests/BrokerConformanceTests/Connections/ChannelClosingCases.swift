import EnokiBroker
import EnokiTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct ChannelClosingCases {
    private static let missing = "1 channel.close 404 'NOT_FOUND - no queue 'nope' in vhost '/'' 60 70"
    private static let notOpen = "0 connection.close 504 'CHANNEL_ERROR - expected 'channel.open'' 85 10"

    @Test func methodsAreIgnoredUntilTheClientAgrees() async throws {
        try await conformOnWire { session in
            let client = try await session.connect()
            client.send(.missingGet(), .method(.queueDeclare(Queue("q")), on: 1), .method(20, 21, .octet(1), on: 1))
            client.send(.connectionOpen("/", on: 1))
            client.send(.message("m", to: "nope"))
            client.send(.missingGet())
            #expect(try await client.next() == Self.missing)
            client.send(.channelCloseOk(1), .channelOpen(1), .confirmSelect(on: 1))
            #expect(try await client.next(2) == ["1 channel.open-ok ''", "1 confirm.select-ok"])
            client.send(.method(.queueDeclare(Queue("q"), passive: true), on: 1))
            #expect(try await client.next() == "1 channel.close 404 'NOT_FOUND - no queue 'q' in vhost '/'' 50 10")
        }
    }

    @Test func closesThatCrossAreBothAnswered() async throws {
        try await conformOnWire { session in
            let client = try await session.connect()
            client.send(.missingGet(), .channelClose(1), .channelClose(1), .confirmSelect(on: 1))
            #expect(try await client.next(3) == [Self.missing, "1 channel.close-ok", "1 channel.close-ok"])
            client.send(.channelCloseOk(1), .channelOpen(1))
            #expect(try await client.next() == "1 channel.open-ok ''")
        }
    }

    private static let mistakes: [([RawFrame], String)] = [
        (
            [.header(size: 0, on: 1)],
            "505 'UNEXPECTED_FRAME - expected method frame, got non method frame instead' 0 0"
        ),
        ([.method(60, 80, .octet(0), on: 1)], "501 'FRAME_ERROR - cannot decode <<0>>' 60 80"),
        (
            [.publish(), .confirmSelect(on: 1)],
            "505 'UNEXPECTED_FRAME - expected content header for class 60, got non content header frame instead' 60 40"
        ),
    ]

    /// What is sent behind the mistake may be judged before the channel's own end is told: RabbitMQ's channel is a process.
    @Test(arguments: Self.mistakes)
    func framesAreStillJudged(sent: [RawFrame], received: String) async throws {
        try await conformOnWire { session in
            let client = try await session.connect()
            client.send(.missingGet())
            #expect(try await client.next() == Self.missing)
            client.send(sent)
            #expect(try await client.next() == "0 connection.close \(received)")
        }
    }

    @Test func closedChannelIsAsIfItWereNeverOpen() async throws {
        try await conformOnWire { session in
            let client = try await session.connect()
            for _ in 0..<3 {
                client.send(.confirmSelect(on: 1), .channelClose(1))
                #expect(try await client.next(2) == ["1 confirm.select-ok", "1 channel.close-ok"])
                client.send(.channelOpen(1))
                #expect(try await client.next() == "1 channel.open-ok ''")
            }
            client.send(.channelClose(1))
            #expect(try await client.next() == "1 channel.close-ok")
            client.send(.confirmSelect(on: 1))
            #expect(try await client.next() == Self.notOpen)
        }
    }

    @Test func whatWasSentBeforeCloseIsAnswered() async throws {
        try await conformOnWire { session in
            let client = try await session.connect()
            client.send(.method(.queueDeclare(Queue("q")), on: 1), .method(.confirmSelect, on: 1))
            client.send(.message("m"))
            #expect(
                try await client.next(3) == ["1 queue.declare-ok 'q' 0 0", "1 confirm.select-ok", "1 basic.ack 1 0"]
            )
            client.send(.method(.basicConsume("q", tag: "c"), on: 1))
            #expect(
                try await client.next(4) == [
                    "1 basic.consume-ok 'c'", "1 basic.deliver 'c' 1 0 '' 'q'", "1 header 60 size 1", "1 body 'm'",
                ]
            )
            client.send(.method(.basicAck(1), on: 1), .method(.basicRecover(requeue: true), on: 1), .channelClose(1))
            #expect(try await client.next(2) == ["1 basic.recover-ok", "1 channel.close-ok"])
        }
    }

    @Test func otherChannelsLiveOn() async throws {
        try await conformOnWire { session in
            let client = try await session.connect()
            // One after the other: RabbitMQ's channels do not wait for each other.
            client.send(.channelOpen(2))
            #expect(try await client.next() == "2 channel.open-ok ''")
            client.send(.missingGet())
            #expect(try await client.next() == Self.missing)
            client.send(.confirmSelect(on: 2))
            #expect(try await client.next() == "2 confirm.select-ok")
        }
    }
}
