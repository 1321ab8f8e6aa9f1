import EnokiBroker
import EnokiTestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct AcknowledgementCases {
    @Test func ackMultipleSettlesAllUpToItsTag() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("q"), holding: "1", "2", "3", "4")
            try await channel.consume("q", tag: "c")
            #expect(try await channel.deliveries(4).map(\.text) == ["1", "2", "3", "4"])
            try await channel.ack(3, multiple: true)
            try await channel.close()
            #expect(try await session.contents(of: "q", count: 1) == ["4 again"])
        }
    }

    @Test func anUnknownDeliveryTagClosesTheChannel() async throws {
        try await conform { session in
            let channel = try await session.channel()
            #expect(
                try await channel.refusal(of: .basicAck(7))
                    == "channel 406 PRECONDITION_FAILED - unknown delivery tag 7"
            )
        }
    }
}
