import EnokiBroker
import EnokiTestSupport
import Testing

/// What holds in process and not on RabbitMQ; the table in `Docs/BrokerDifferences.md` says why.
@Suite(.timeLimit(.minutes(5))) struct BrokerDifferenceCases {
    @Test func aCancelledActiveConsumerHandsItsBacklogOver() async throws {
        // RabbitMQ 3.10 keeps the backlog until something else happens, and loses the queue's process if that is a publish.
        try await conform(on: [.inProcess]) { session in
            let (first, second) = (try await session.channel(), try await session.channel())
            try await first.declare(SingleActiveConsumerCases.queue)
            try await first.qos(1)
            try await first.consume("q", tag: "first")
            try await second.consume("q", tag: "second")
            try await first.publish("1", "2", "3", key: "q")
            #expect(try await first.deliveries().map(\.text) == ["1"])
            try await first.cancel("first")
            #expect(try await second.deliveries(2).map(\.text) == ["2", "3"])
            // What the cancelled one has in hand stays there.
            try await first.reject(1)
            #expect(try await second.deliveries().map(\.mark) == ["1 again"])
        }
    }

    @Test func aMessageWithAListOfDeathsThatIsNoneIsLost() async throws {
        // RabbitMQ loses it too, and with it the queue's process: its consumers are cancelled, its transient messages go.
        try await conform(on: [.inProcess]) { session in
            let channel = try await session.channel()
            try await channel.collectDeadLetters()
            try await channel.declare(Queue("work", deadLettersTo: "dlx"))
            try await channel.publish(Message("odd", headers: ["x-death": [5]]), key: "work")
            try await channel.rejectOne(from: "work")
            try await channel.publish("even", key: "work")
            try await channel.rejectOne(from: "work")
            #expect(try await session.contents(of: "dead", count: 1) == ["even"])
        }
    }

    @Test(arguments: ["quorum", "stream"]) func queuesAreClassic(type: String) async throws {
        // RabbitMQ has quorum queues and streams, with other laws and a log on disk.
        try await conform(on: [.inProcess]) { session in
            let channel = try await session.channel()
            #expect(
                try await channel.refusal(of: .queueDeclare(Queue("q", arguments: ["x-queue-type": .string(type)])))
                    == "channel 406 PRECONDITION_FAILED - the in-process broker has classic queues only; "
                    + "queue 'q' in vhost '/' asks for x-queue-type '\(type)'"
            )
        }
    }

    @Test func confirmsComeInOrder() async throws {
        // RabbitMQ confirms what goes to disk when it is there, and what does not before that.
        try await conform(on: [.inProcess]) { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("q"))
            try await channel.call(.confirmSelect)
            for mode in [.persistent, .transient, .persistent] as [BasicProperties.DeliveryMode] {
                try await channel.publish(Message("m", properties: BasicProperties(deliveryMode: mode)), key: "q")
            }
            var confirmed: [UInt64] = []
            for _ in 1...3 { if case .acked(let tag, _) = try await channel.next() { confirmed.append(tag) } }
            #expect(confirmed == [1, 2, 3])
        }
    }

    @Test func whatADeletedQueueDeliveredIsNothingToANewOneOfItsName() async throws {
        // RabbitMQ hands it to the new queue's process, which crashes.
        try await conform(on: [.inProcess]) { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("q"), holding: "old")
            try await channel.get("q")
            try await channel.delete(queue: "q")
            try await channel.queue(Queue("q"), holding: "new")
            try await channel.reject(1, requeue: true)
            #expect(try await session.contents(of: "q", count: 1) == ["new"])
        }
    }

    @Test func aMessageThatExpiresAtTheHeadOfAQueueWithPrioritiesGoesAtOnce() async throws {
        // RabbitMQ does not look at a message that comes to the head past others, until something else happens to the queue.
        try await conform(on: [.inProcess]) { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("q", arguments: ["x-max-priority": 3]), holding: "low")
            let properties = BasicProperties(priority: 3, expiration: .zero)
            try await channel.publish(Message("high", properties: properties), key: "q")
            #expect(try await session.contents(of: "q", count: 1) == ["low"])
        }
    }
}
