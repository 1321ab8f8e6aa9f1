import EnokiBroker
import EnokiTestSupport
import Testing

/// Replies without a queue: `amq.rabbitmq.reply-to`.
@Suite(.timeLimit(.minutes(5))) struct DirectReplyToCases {
    static let name = "amq.rabbitmq.reply-to"

    /// Sends a request and takes it: the address for its replies.
    private func address(_ client: SessionChannel, _ server: SessionChannel) async throws -> String {
        try await client.declare(Queue("server"))
        try await client.publish(Message("request", properties: BasicProperties(replyTo: Self.name)), key: "server")
        return try #require(try await server.take(from: "server").message.properties.replyTo)
    }

    @Test func aReplyComesToTheChannelOfTheRequest() async throws {
        try await conform { session in
            let client = try await session.channel()
            let server = try await session.connect().channel()
            try await client.consume(Self.name, tag: "replies", noAck: true)
            let address = try await address(client, server)
            #expect(address.hasPrefix(Self.name + "."))
            let reply = Message("reply", properties: BasicProperties(correlationID: "7"))
            try await server.publish(reply, key: address)
            let delivery = try #require(try await client.deliveries().first)
            #expect(delivery.text == "reply")
            #expect(delivery.consumerTag == "replies")
            #expect((delivery.exchange, delivery.routingKey, delivery.redelivered) == ("", address, false))
        }
    }

    @Test func anAddressServesForMoreThanOneReplyUntilItsConsumerGoes() async throws {
        try await conform { session in
            let (client, server) = (try await session.channel(), try await session.channel())
            try await client.consume(Self.name, tag: "replies", noAck: true)
            let address = try await address(client, server)
            try await server.publish("1", "2", key: address)
            #expect(try await client.deliveries(2).map(\.text) == ["1", "2"])
            try await client.cancel("replies")
            try await server.publish("3", key: address, mandatory: true)
            #expect(try await server.returns().map(\.text) == ["NO_ROUTE"])
            #expect(try await client.leftovers().isEmpty)
        }
    }

    @Test func eachConsumerHasAnAddressOfItsOwn() async throws {
        try await conform { session in
            let (client, server) = (try await session.channel(), try await session.channel())
            try await client.consume(Self.name, tag: "old", noAck: true)
            let old = try await address(client, server)
            try await client.cancel("old")
            try await client.consume(Self.name, tag: "new", noAck: true)
            let new = try await address(client, server)
            #expect(old != new)
            try await server.publish("to the old one", key: old)
            try await server.publish("to the new one", key: new)
            #expect(try await client.deliveries().map(\.text) == ["to the new one"])
            #expect(try await client.leftovers().isEmpty)
        }
    }

    /// RabbitMQ says that a mandatory reply has no route even where it delivers it.
    @Test func aMandatoryReplyIsDeliveredAndReturned() async throws {
        try await conform { session in
            let (client, server) = (try await session.channel(), try await session.channel())
            try await client.consume(Self.name, tag: "replies", noAck: true)
            let address = try await address(client, server)
            try await server.publish("m", key: address, mandatory: true)
            #expect(try await client.deliveries().map(\.text) == ["m"])
            #expect(try await server.returns().map(\.routingKey) == [address])
        }
    }

    @Test func aReplyToAClosedChannelHasNoRoute() async throws {
        try await conform { session in
            let (client, server) = (try await session.channel(), try await session.channel())
            try await client.consume(Self.name, tag: "replies", noAck: true)
            let address = try await address(client, server)
            try await client.close()
            try await server.publish("m", key: address, mandatory: true)
            #expect(try await server.returns().count == 1)
        }
    }

    @Test func onlyTheDefaultExchangeKnowsAddresses() async throws {
        try await conform { session in
            let (client, server) = (try await session.channel(), try await session.channel())
            try await client.consume(Self.name, tag: "replies", noAck: true)
            let address = try await address(client, server)
            try await server.publish("m", to: "amq.direct", key: address, mandatory: true)
            #expect(try await server.returns().count == 1)
            #expect(try await client.leftovers().isEmpty)
        }
    }

    @Test func aCarbonCopyMayBeAReply() async throws {
        try await conform { session in
            let (client, server) = (try await session.channel(), try await session.channel())
            try await client.consume(Self.name, tag: "replies", noAck: true)
            let address = try await address(client, server)
            try await server.publish(Message("m", headers: ["CC": [.string(address)]]), key: "server")
            #expect(try await client.deliveries().map(\.routingKey) == ["server"])
            #expect(try await session.contents(of: "server", count: 1) == ["m"])
        }
    }

    @Test func anAddressThatIsNamedTwiceGetsOneReply() async throws {
        try await conform { session in
            let (client, server) = (try await session.channel(), try await session.channel())
            try await client.consume(Self.name, tag: "replies", noAck: true)
            let address = try await address(client, server)
            try await server.publish(Message("m", headers: ["CC": [.string(address), .string(address)]]), key: address)
            #expect(try await client.deliveries().map(\.routingKey) == [address])
            #expect(try await client.leftovers().isEmpty)
        }
    }

    @Test func aRepliersQuestionIsAnsweredByDeclaringTheAddress() async throws {
        try await conform { session in
            let (client, server) = (try await session.channel(), try await session.channel())
            try await client.consume(Self.name, tag: "replies", noAck: true)
            let address = try await address(client, server)
            let status = try await server.declare(Queue(address), passive: true)
            #expect((status.name, status.messageCount, status.consumerCount) == (address, 0, 1))
            try await client.cancel("replies")
            #expect(
                try await server.refusal(of: .queueDeclare(Queue(address), passive: true))
                    .hasPrefix("channel 404 NOT_FOUND - no queue '\(Self.name).")
            )
        }
    }

    @Test func theNameIsNoQueueThoughItCanBeDeclared() async throws {
        try await conform { session in
            let channel = try await session.channel()
            let status = try await channel.declare(Queue(Self.name))
            #expect((status.name, status.messageCount, status.consumerCount) == (Self.name, 0, 1))
            for method in [.basicGet(Self.name), .queuePurge(Self.name), .queueBind(Self.name, to: "amq.direct")]
                as [AMQPMethod]
            {
                let refused = try await session.channel()
                #expect(
                    try await refused.refusal(of: method)
                        == "channel 404 NOT_FOUND - no queue '\(Self.name)' in vhost '/'"
                )
            }
            try await channel.publish("m", key: Self.name, mandatory: true)
            #expect(try await channel.returns().count == 1)
        }
    }

    @Test func aReplyConsumerCannotAcknowledge() async throws {
        try await conform { session in
            let channel = try await session.channel()
            #expect(
                try await channel.refusal(of: .basicConsume(Self.name, tag: "c"))
                    == "channel 406 PRECONDITION_FAILED - reply consumer cannot acknowledge"
            )
        }
    }

    @Test func aChannelHasOneReplyConsumer() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.consume(Self.name, tag: "c", noAck: true)
            #expect(
                try await channel.refusal(of: .basicConsume(Self.name, tag: "d", noAck: true))
                    == "channel 406 PRECONDITION_FAILED - reply consumer already set"
            )
        }
    }

    @Test func aRequestNeedsAReplyConsumerOnItsChannel() async throws {
        try await conform { session in
            let (channel, other) = (try await session.channel(), try await session.channel())
            try await channel.declare(Queue("server"))
            try await other.consume(Self.name, tag: "c", noAck: true)
            let request = Message("m", properties: BasicProperties(replyTo: Self.name))
            #expect(
                try await channel.refusal(of: .basicPublish(request, to: "", key: "server"))
                    == "channel 406 PRECONDITION_FAILED - fast reply consumer does not exist"
            )
        }
    }

    @Test func aReturnedRequestCarriesTheAddress() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.consume(Self.name, tag: "c", noAck: true)
            let request = Message("m", properties: BasicProperties(replyTo: Self.name))
            try await channel.publish(request, key: "none", mandatory: true)
            let returned = try #require(try await channel.returns().first)
            #expect(returned.message.properties.replyTo?.hasPrefix(Self.name + ".") == true)
        }
    }
}
