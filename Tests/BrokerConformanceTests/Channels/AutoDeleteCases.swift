import EnokiBroker
import EnokiTestSupport
import Testing

/// Exchanges and queues that go by themselves.
@Suite(.timeLimit(.minutes(5))) struct AutoDeleteCases {
    @Test func anExchangeGoesWithItsLastBinding() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("q"))
            try await channel.declare(Exchange("auto", .direct, autoDelete: true))
            for key in ["a", "b"] { try await channel.bind("q", to: "auto", key: key) }
            try await channel.call(.queueUnbind("q", from: "auto", key: "a"))
            try await channel.call(.queueUnbind("q", from: "auto", key: "never bound"))
            try await channel.declare(Exchange("auto", .direct), passive: true)
            try await channel.call(.queueUnbind("q", from: "auto", key: "b"))
            try await session.expectNoExchange("auto")
        }
    }

    @Test func anExchangeThatWasNeverBoundStays() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Exchange("auto", .direct, autoDelete: true))
            try await channel.declare(Queue("q"))
            try await channel.call(.queueUnbind("q", from: "auto", key: "k"))
            try await channel.declare(Exchange("auto", .direct), passive: true)
        }
    }

    @Test func anExchangeGoesWithItsLastQueue() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Exchange("auto", .direct, autoDelete: true))
            for name in ["one", "two"] {
                try await channel.declare(Queue(name))
                try await channel.bind(name, to: "auto", key: "k")
            }
            try await channel.delete(queue: "one")
            try await channel.declare(Exchange("auto", .direct), passive: true)
            try await channel.delete(queue: "two")
            try await session.expectNoExchange("auto")
        }
    }

    @Test func anExchangeGoesWithTheExclusiveQueueOfAClosedConnection() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Exchange("auto", .fanout, autoDelete: true))
            let connection = try await session.connect()
            let other = try await connection.channel()
            try await other.declare(Queue("mine", exclusive: true))
            try await other.bind("mine", to: "auto")
            try await connection.close()
            try await session.expectNoExchange("auto")
        }
    }

    @Test func exchangesGoOneAfterTheOther() async throws {
        try await conform { session in
            let channel = try await session.channel()
            for name in ["first", "second"] { try await channel.declare(Exchange(name, .fanout, autoDelete: true)) }
            try await channel.declare(Exchange("last", .fanout))
            try await channel.call(.exchangeBind("second", to: "first"))
            try await channel.call(.exchangeBind("last", to: "second"))
            try await channel.delete(exchange: "last")
            for name in ["first", "second"] { try await session.expectNoExchange(name) }
        }
    }

    @Test func toBeADestinationKeepsNoExchangeAndEndsNone() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Exchange("source", .fanout))
            try await channel.declare(Exchange("auto", .fanout, autoDelete: true))
            try await channel.declare(Queue("q"))
            try await channel.call(.exchangeBind("auto", to: "source"))
            try await channel.call(.exchangeUnbind("auto", from: "source"))
            try await channel.declare(Exchange("auto", .fanout), passive: true)
            try await channel.call(.exchangeBind("auto", to: "source"))
            try await channel.bind("q", to: "auto")
            try await channel.call(.queueUnbind("q", from: "auto"))
            try await session.expectNoExchange("auto")
        }
    }

    @Test func aQueueGoesWithItsLastConsumer() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.collectDeadLetters()
            var queue = Queue("auto", deadLettersTo: "dlx")
            queue.autoDelete = true
            try await channel.declare(queue)
            try await channel.qos(1)
            for tag in ["a", "b"] { try await channel.consume("auto", tag: tag) }
            try await channel.publish("1", "2", "3", key: "auto")
            try await channel.deliveries(2)
            try await channel.cancel("a")
            try await session.expectConsumers(1, of: "auto")
            try await channel.cancel("b")
            try await session.expectNoQueue("auto")
            // Neither what waited nor what is in hand becomes a dead letter, and what is in hand may be acknowledged.
            try await channel.ack(1)
            try await channel.nack(2, requeue: false)
            try await channel.publish("last", to: "dlx", key: "")
            #expect(try await session.contents(of: "dead", count: 1) == ["last"])
        }
    }

    @Test func aQueueGoesWithTheChannelOfItsLastConsumer() async throws {
        try await conform { session in
            let (channel, other) = (try await session.channel(), try await session.channel())
            try await channel.declare(Queue("auto", autoDelete: true))
            try await other.consume("auto", tag: "c")
            try await other.close()
            try await session.expectNoQueue("auto")
        }
    }

    @Test func aQueueWithoutAConsumerStays() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("auto", autoDelete: true), holding: "1", "2")
            try await channel.ack(try await channel.hold(from: "auto", ready: 2))
            #expect(try await session.contents(of: "auto", count: 1) == ["2"])
            try await channel.declare(Queue("auto"), passive: true)
        }
    }

    @Test func anInternalExchangeTakesNothingFromPublishers() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Exchange("inner", .fanout, isInternal: true))
            #expect(
                try await channel.refusal(of: .basicPublish(Message("m"), to: "inner", key: ""))
                    == "channel 403 ACCESS_REFUSED - cannot publish to internal exchange 'inner' in vhost '/'"
            )
        }
    }

    @Test func anInternalExchangeTakesWhatIsRoutedToIt() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Exchange("inner", .fanout, isInternal: true))
            try await channel.declare(Queue("q"))
            try await channel.bind("q", to: "inner")
            try await channel.call(.exchangeBind("inner", to: "amq.direct", key: "k"))
            try await channel.publish("m", to: "amq.direct", key: "k")
            #expect(try await session.contents(of: "q", count: 1) == ["m"])
        }
    }
}
