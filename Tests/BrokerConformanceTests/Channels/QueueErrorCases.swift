import EnokiBroker
import EnokiTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct QueueErrorCases {
    @Test func lineBreaksAreLeftOutOfDeclaredNames() async throws {
        try await conform { session in
            let channel = try await session.channel()
            #expect(try await channel.declare(Queue("a\r\nb")).name == "ab")
            #expect(try await channel.declare(Queue("\rab\n"), passive: true).name == "ab")
            try await channel.declare(Exchange("x\n", .fanout))
            try await channel.declare(Exchange("\r\nx", .fanout), passive: true)
            try await channel.bind("a\nb", to: "x")
        }
    }

    @Test func whatIsMissingIsNotFound() async throws {
        try await conform { session in
            try await session.channel().declare(Exchange("x", .fanout))
            let methods: [AMQPMethod] = [
                .queueDeclare(Queue("nope"), passive: true), .queueBind("nope", to: "x"), .queuePurge("nope"),
                .basicConsume("nope", tag: "c"), .basicGet("nope"),
            ]
            for method in methods {
                let text = "channel 404 NOT_FOUND - no queue 'nope' in vhost '/'"
                #expect(try await session.refusal(of: method) == text)
            }
            let channel = try await session.channel()
            #expect(try await channel.delete(queue: "nope") == 0)
            #expect(try await channel.delete(queue: "nope", ifUnused: true, ifEmpty: true) == 0)
        }
    }

    @Test func redeclaringOtherwiseNamesTheFirstDifference() async throws {
        try await conform { session in
            try await session.channel().declare(Queue("q", arguments: ["x-expires": 60000]))
            let differences: [(Queue, String)] = [
                (
                    Queue("q", durable: false, autoDelete: true),
                    "'durable' for queue 'q' in vhost '/': received 'false' but current is 'true'"
                ),
                (
                    Queue("q", autoDelete: true),
                    "'auto_delete' for queue 'q' in vhost '/': received 'true' but current is 'false'"
                ),
                (
                    Queue("q", arguments: ["x-expires": 60001, "x-message-ttl": 1]),
                    "'x-expires' for queue 'q' in vhost '/': received '60001' but current is '60000'"
                ),
                (
                    Queue("q"),
                    "'x-expires' for queue 'q' in vhost '/': received none but current is the value '60000' of type "
                        + "'signedint'"
                ),
                (
                    Queue("q", arguments: ["x-max-length": 5, "x-expires": 60000]),
                    "'x-max-length' for queue 'q' in vhost '/': received the value '5' of type 'signedint' but current is "
                        + "none"
                ),
            ]
            for (queue, text) in differences {
                let refusal = try await session.refusal(of: .queueDeclare(queue))
                #expect(refusal == "channel 406 PRECONDITION_FAILED - inequivalent arg \(text)")
            }
            let same: Headers = ["x-other": "any", "x-expires": .int64(60000), "x-queue-type": "classic"]
            try await session.channel().declare(Queue("q", arguments: same))
        }
    }

    @Test(
        arguments: [
            ("x-expires", 0, "{value_zero,0}"), ("x-message-ttl", -1, "{value_negative,-1}"),
            ("x-max-length", "5", "\"expected integer, got longstr\""),
            ("x-max-length-bytes", -5, "{value_negative,-5}"), ("x-max-priority", 256, "{max_value_exceeded,256}"),
            ("x-expires", .int64(315_360_000_001), "{value_too_large,315360000001}"),
            ("x-overflow", "nope", "invalid_overflow"), ("x-overflow", 1, "{unacceptable_type,signedint}"),
            ("x-dead-letter-routing-key", "k", "routing_key_but_no_dlx_defined"),
            ("x-single-active-consumer", "yes", "{unacceptable_type,longstr}"),
            ("x-queue-mode", "nope", "\"unsupported queue mode 'nope'\""),
            ("x-queue-type", "nope", "\"unsupported queue type 'nope'\""),
            ("x-message-ttl", true, "\"expected integer, got bool\""),
        ] as [(String, FieldValue, String)]
    )
    func argumentsThatMakeNoSenseAreRefused(name: String, value: FieldValue, reason: String) async throws {
        try await conform { session in
            let declare = AMQPMethod.queueDeclare(Queue("q", arguments: [name: value]))
            let text = "invalid arg '\(name)' for queue 'q' in vhost '/': \(reason)"
            #expect(
                try await session.refusal(of: declare) == "channel 406 PRECONDITION_FAILED - \(text)"
            )
            try await session.expectNoQueue("q")
        }
    }

    @Test func aPassiveDeclareAsksForTheNameOnly() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("q", arguments: ["x-max-length": 10]), holding: "1", "2")
            try await channel.consume("q", tag: "c", noAck: true)
            try await channel.deliveries(2)
            let status = try await channel.declare(Queue("q", durable: false, autoDelete: true), passive: true)
            #expect(status == QueueStatus(name: "q", messageCount: 0, consumerCount: 1))
        }
    }

    @Test func namesThatBeginWithAmqAreReserved() async throws {
        try await conform { session in
            let text = "channel 403 ACCESS_REFUSED - queue name 'amq.mine' contains reserved prefix 'amq.*'"
            #expect(try await session.refusal(of: .queueDeclare(Queue("amq.mine"))) == text)
            // Not even one that is there can be redeclared.
            let channel = try await session.channel()
            let queue = try await channel.declare(Queue("", durable: false, exclusive: true))
            let again = AMQPMethod.queueDeclare(Queue(queue.name, durable: false, exclusive: true))
            #expect(try await channel.refusal(of: again).hasPrefix("channel 403 ACCESS_REFUSED - queue name 'amq.gen-"))
        }
    }

    @Test func anExclusiveQueueIsLockedToOtherConnections() async throws {
        try await conform { session in
            let owner = try await session.channel()
            try await owner.declare(Queue("q", durable: false, exclusive: true))
            try await owner.declare(Exchange("x", .fanout))
            let other = try await session.connect()
            let methods: [AMQPMethod] = [
                .queueDeclare(Queue("q", durable: false, exclusive: true)), .queueDeclare(Queue("q", durable: false)),
                .queueDeclare(Queue("q"), passive: true), .queueBind("q", to: "x"), .queuePurge("q"),
                .queueDelete("q"), .basicConsume("q", tag: "c"), .basicGet("q"),
            ]
            for method in methods {
                let text =
                    "channel 405 RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'q' in vhost '/'. It could "
                    + "be originally declared on another connection or the exclusive property value does not match that "
                    + "of the original declaration."
                #expect(try await other.refusal(of: method) == text)
            }
            // Publishing is for everybody, and another channel of the owner's connection may do all.
            try await other.channel().publish("1", key: "q")
            let sibling = try await session.channel()
            try await sibling.expectReady(1, in: "q")
            #expect(try await sibling.get("q", noAck: true)?.delivery.text == "1")
        }
    }

    @Test func aSharedQueueCannotBecomeExclusive() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("q", durable: false))
            let declare = AMQPMethod.queueDeclare(Queue("q", durable: false, exclusive: true))
            let refusal = try await channel.refusal(of: declare)
            #expect(
                refusal.hasPrefix("channel 405 RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'q'")
            )
        }
    }
}
