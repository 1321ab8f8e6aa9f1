import EnokiBroker
import EnokiTestSupport
import Testing

/// What keeps a queue with `x-expires` alive.
///
/// Whether the queue is there shows by an exchange that goes with its last binding: asking for the queue would keep it
/// alive. A lease of fifteen seconds is renewed after ten, and looked at after twenty: each answer is five seconds away from
/// the other one, so that a machine that is busy does not change it.
@Suite(.timeLimit(.minutes(5))) struct QueueLeaseCases {
    private static let leased = Queue("leased", arguments: ["x-expires": 15_000])

    @Test func anUnusedQueueGoesWithItsMessagesAndBindings() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.collectDeadLetters()
            try await channel.declare(Exchange("shadow", .fanout, autoDelete: true))
            try await channel.declare(Queue("leased", deadLettersTo: "dlx", ["x-expires": 8000]))
            try await channel.bind("leased", to: "shadow")
            try await channel.publish("lost", key: "leased")
            try await session.advance(by: .milliseconds(8050))
            try await session.expectNoExchange("shadow")
            #expect(
                try await channel.refusal(of: .queueDeclare(Queue("leased"), passive: true))
                    == "channel 404 NOT_FOUND - no queue 'leased' in vhost '/'"
            )
            try await session.expectReady(0, in: "dead")
        }
    }

    @Test func aConsumerKeepsAQueueUntilItGoes() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Exchange("shadow", .fanout, autoDelete: true))
            try await channel.declare(Queue("leased", arguments: ["x-expires": 8000]))
            try await channel.bind("leased", to: "shadow")
            try await channel.consume("leased", tag: "c")
            try await session.advance(by: .seconds(10))
            try await channel.declare(Exchange("shadow", .fanout), passive: true)
            try await channel.cancel("c")
            try await session.advance(by: .milliseconds(8050))
            try await session.expectNoExchange("shadow")
        }
    }

    @Test func declaringAQueueRenewsItsLease() async throws {
        try await expectLease(isRenewed: true) { channel in
            try await channel.declare(Self.leased)
        }
    }

    @Test func askingForAQueueRenewsItsLease() async throws {
        try await expectLease(isRenewed: true) { channel in
            try await channel.declare(Queue("leased"), passive: true)
        }
    }

    @Test func aGetRenewsTheLeaseThoughItFindsNothing() async throws {
        try await expectLease(isRenewed: true) { channel in
            let message = try await channel.get("leased")
            #expect(message == nil)
        }
    }

    @Test func publishingToAQueueDoesNotRenewItsLease() async throws {
        try await expectLease(isRenewed: false) { channel in
            try await channel.publish("m", key: "leased")
        }
    }

    @Test func bindingAndPurgingAQueueDoNotRenewItsLease() async throws {
        try await expectLease(isRenewed: false) { channel in
            try await channel.bind("leased", to: "amq.direct")
            try await channel.purge("leased")
        }
    }

    private func expectLease(
        isRenewed: Bool,
        by use: (SessionChannel) async throws -> Void
    ) async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Exchange("shadow", .fanout, autoDelete: true))
            try await channel.declare(Self.leased)
            try await channel.bind("leased", to: "shadow")
            try await session.advance(by: .seconds(10))
            try await use(channel)
            try await session.advance(by: .seconds(10))
            let look = AMQPMethod.exchangeDeclare(Exchange("shadow", .fanout), passive: true)
            if isRenewed {
                try await channel.call(look)
            } else {
                #expect(
                    try await channel.refusal(of: look) == "channel 404 NOT_FOUND - no exchange 'shadow' in vhost '/'"
                )
            }
        }
    }
}
