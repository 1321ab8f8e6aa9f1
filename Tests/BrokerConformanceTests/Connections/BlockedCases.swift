import EnokiBroker
import EnokiTestSupport
import EnokiTestTraits
import Testing

/// What a client hears while the broker is low on memory. RabbitMQ's alarm is one for the whole node, so it is the suite's
/// own, and the cases run one after the other.
@Suite(.ownRabbitMQ, .serialized, .timeLimit(.minutes(5))) struct BlockedCases {
    private static let startOk = RawFrame.startOk(capabilities: ["connection.blocked": true])
    private static let blocked = "0 connection.blocked 'low on memory'"
    private static let unblocked = "0 connection.unblocked"

    @Test func whoPublishesIsToldAtTheHeaderAndNotReadFromAnyMore() async throws {
        try await conformOnWire { session in
            try await session.peer.setMemoryIsLow(true)
            let client = try await session.connect(startOk: Self.startOk)
            client.send(.channelOpen(2), .method(.queueDeclare(Queue("q")), on: 1))
            #expect(try await Set(client.next(2)) == ["2 channel.open-ok ''", "1 queue.declare-ok 'q' 0 0"])
            client.send(.publish(), .confirmSelect(on: 2))
            #expect(try await client.next() == "2 confirm.select-ok")
            client.send(.header(size: 1, on: 1))
            #expect(try await client.next() == Self.blocked)
            client.send(.body("m", on: 1), .method(.basicGet("q", noAck: true), on: 1))
            client.send(.method(.channelFlow(active: true), on: 2), .connectionClose)
            try await session.peer.setMemoryIsLow(false)
            #expect(try await client.next() == Self.unblocked)
            // What comes on two channels, comes in any order.
            let rest = try await client.take(5).sorted()
            #expect(
                rest == [
                    "0 connection.close-ok", "1 basic.get-ok 1 0 '' 'q' 0", "1 body 'm'", "1 header 60 size 1",
                    "2 channel.flow-ok 1",
                ]
            )
            client.hangUp()
        }
    }

    @Test func whoCannotHearOfItIsNotReadFromEither() async throws {
        try await conformOnWire { session in
            let other = try await session.connect(startOk: Self.startOk)
            try await session.peer.setMemoryIsLow(true)
            let client = try await session.connect(startOk: .startOk(capabilities: [:]))
            client.send(.message("m", key: "nobody"))
            client.send(.confirmSelect(on: 1))
            // A broker that is slow is slow to all: who does not publish is answered many times meanwhile.
            for _ in 0..<20 {
                other.send(.method(.channelFlow(active: true), on: 1))
                #expect(try await other.take() == "1 channel.flow-ok 1")
                try await Task.sleep(for: .milliseconds(50))
            }
            #expect(client.isQuiet)
            try await session.peer.setMemoryIsLow(false)
            #expect(try await client.next() == "1 confirm.select-ok")
        }
    }

    @Test func whoDoesNotPublishHearsNothing() async throws {
        try await conformOnWire { session in
            let early = try await session.connect(startOk: Self.startOk)
            early.send(.message("before", key: "nobody"))
            early.send(.method(.channelFlow(active: true), on: 1))
            #expect(try await early.next() == "1 channel.flow-ok 1")
            try await session.peer.setMemoryIsLow(true)
            let late = try await session.connect(startOk: Self.startOk)
            for client in [early, late] {
                client.send(.confirmSelect(on: 1))
                #expect(try await client.next() == "1 confirm.select-ok")
            }
            try await session.peer.setMemoryIsLow(false)
        }
    }

    @Test func whoIsBlockedGetsWhatTheBrokerHas() async throws {
        try await conformOnWire { session in
            let other = try await session.connect(startOk: Self.startOk)
            other.send(.method(.queueDeclare(Queue("q")), on: 1))
            other.send(.message("m"))
            #expect(try await other.next() == "1 queue.declare-ok 'q' 0 0")
            var got = "1 basic.get-empty ''"
            while got == "1 basic.get-empty ''" {
                other.send(.method(.basicGet("q"), on: 1))
                got = try await other.take()
            }
            #expect(try await other.next(2) == ["1 header 60 size 1", "1 body 'm'"])
            try await session.peer.setMemoryIsLow(true)
            // Only now: the alarm may take longer than a client may be silent. And so much that a machine that is busy is not taken
            // for a silent client.
            let client = try await session.connect(startOk: Self.startOk, tuneOk: .tuneOk(heartbeat: 5))
            client.send(.method(.basicConsume("q", tag: "c"), on: 1))
            client.send(.message("another"))
            // The one is the channel's, the other the connection's.
            let lines = try await client.nextButHeartbeats(2, inOrder: false)
            #expect(lines == [Self.blocked, "1 basic.consume-ok 'c'"])
            other.send(.method(.basicReject(1, requeue: true), on: 1))
            #expect(
                try await client.nextButHeartbeats(3) == [
                    "1 basic.deliver 'c' 1 1 '' 'q'", "1 header 60 size 1", "1 body 'm'",
                ]
            )
            // Longer than a silent client may be otherwise.
            for _ in 0..<8 { #expect(try await client.take() == RawConnection.heartbeat) }
            try await session.peer.setMemoryIsLow(false)
            #expect(try await client.nextButHeartbeats(1) == [Self.unblocked])
            client.hangUp()
        }
    }

    @Test func restartDoesNotWaitForTheClientToAgree() async throws {
        try await conformOnWire { session in
            let client = try await session.connect()
            try await session.peer.restart()
            #expect(
                try await client.next()
                    == "0 connection.close 320 "
                    + "'CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'' 0 0"
            )
            // Less than it would wait for a client to agree.
            #expect(try await client.next(within: .seconds(20)) == RawConnection.end)
        }
    }
}
