import EnokiTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct ProtocolHeaderCases {
    @Test(arguments: [
        "AMQP\u{0}\u{0}\u{9}\u{0}", "AMQP\u{0}\u{0}\u{9}\u{2}", "AMQP\u{0}\u{0}\u{A}\u{0}", "AMQP\u{0}\u{1}\u{0}\u{0}",
        "AMQP\u{3}\u{1}\u{0}\u{0}", "amqp\u{0}\u{0}\u{9}\u{1}", "GET / HTTP/1.1\r\n\r\n",
    ])
    func anotherProtocolIsToldTheRightOneAndTheEnd(header: String) async throws {
        try await conformOnWire { session in
            let client = try await session.connect(.connected)
            client.send(bytes: Array(header.utf8))
            #expect(try await client.next(2) == ["protocol header 0 0 9 1", RawConnection.end])
        }
    }

    @Test func headerMayComeInPieces() async throws {
        try await conformOnWire { session in
            let client = try await session.connect(.connected)
            client.send(bytes: Array("AM".utf8))
            client.send(bytes: Array("QP".utf8) + [0, 0])
            client.send(bytes: [9, 1])
            #expect(try await client.take().hasPrefix("0 connection.start 0 9 "))
        }
    }

    @Test func olderHeaderIsTakenForTheSameProtocol() async throws {
        try await conformOnWire { session in
            let client = try await session.connect(.connected)
            client.send(bytes: Array("AMQP".utf8) + [1, 1, 0, 9])
            #expect(try await client.take().hasPrefix("0 connection.start 0 9 "))
            client.send(.startOk())
            #expect(try await client.next() == "0 connection.tune 2047 131072 60")
        }
    }

    @Test func everythingMayBeSentAtOnce() async throws {
        try await conformOnWire { session in
            let client = try await session.connect(.connected)
            let frames: [RawFrame] = [
                .startOk(), .tuneOk(), .connectionOpen(session.peer.virtualHost), .channelOpen(1),
                .confirmSelect(on: 1),
                .connectionClose,
            ]
            client.send(bytes: Array("AMQP".utf8) + [0, 0, 9, 1] + frames.flatMap(\.bytes))
            #expect(try await client.take().hasPrefix("0 connection.start "))
            #expect(
                try await client.next(5) == [
                    "0 connection.tune 2047 131072 60", "0 connection.open-ok ''", "1 channel.open-ok ''",
                    "1 confirm.select-ok", "0 connection.close-ok",
                ]
            )
        }
    }

    @Test func octetsMayComeOneByOne() async throws {
        try await conformOnWire { session in
            let client = try await session.connect(.running)
            for byte in [RawFrame.channelOpen(1), .heartbeat, .confirmSelect(on: 1)].flatMap(\.bytes) {
                client.send(bytes: [byte])
            }
            #expect(try await client.next(2) == ["1 channel.open-ok ''", "1 confirm.select-ok"])
        }
    }
}
