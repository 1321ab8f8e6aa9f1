import EnokiBroker
import EnokiTestSupport
import Testing

/// What RabbitMQ does on the wire and the port does not; `Docs/BrokerDifferences.md` says why.
@Suite(.timeLimit(.minutes(5))) struct WireDifferenceCases {
    @Test func bodyThatIsTooLongIsAMessageWithoutAnEnd() async throws {
        try await conformOnWire(on: [.rabbitMQ]) { session in
            let client = try await session.connect()
            client.send(.channelOpen(2), .method(.queueDeclare(Queue("q")), on: 2))
            client.send(.publish(), .header(size: 2, on: 1), .body("abc", on: 1), .body("d", on: 1), .body("", on: 1))
            #expect(try await client.next(2) == ["2 channel.open-ok ''", "2 queue.declare-ok 'q' 0 0"])
            client.send(.method(.basicGet("q"), on: 2))
            #expect(try await client.next() == "2 basic.get-empty ''")
            client.send(.confirmSelect(on: 1))
            #expect(
                try await client.next()
                    == "0 connection.close 505 'UNEXPECTED_FRAME - expected content body, got non content body frame "
                    + "instead' 60 40"
            )
        }
    }

    @Test func nameOfAnExchangeNeedNotBeUTF8WhereItIsPublishedTo() async throws {
        try await conformOnWire(on: [.rabbitMQ]) { session in
            let client = try await session.connect()
            let name = RawArgument.shortBytes([0xFF])
            client.send(.method(60, 40, .short(0), name, .shortString("q"), .octet(0), on: 1), .header(size: 0, on: 1))
            #expect(
                try await client.next() == #"1 channel.close 404 'NOT_FOUND - no exchange '\xff' in vhost '/'' 60 40"#
            )
        }
    }

    @Test func olderProtocolIsSpoken() async throws {
        try await conformOnWire(on: [.rabbitMQ]) { session in
            let client = try await session.connect(.connected)
            client.send(bytes: Array("AMQP".utf8) + [1, 1, 8, 0])
            #expect(try await client.take().hasPrefix("0 connection.start 8 0 {capabilities: {}, "))
        }
    }
}
