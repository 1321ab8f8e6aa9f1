import EnokiBroker
import EnokiRabbitMQ
import EnokiTestSupport
import Testing

/// Messages that no client library would write, published octet by octet: each ends by itself, and the connection goes on.
@Suite struct HostileHeaderTests {
    /// RabbitMQ hands on what it is given; the AMQP port refuses what nests too deep when it is published.
    @Test(arguments: HostileHeader.all)
    func eachEndsByItselfAndTheConnectionGoesOn(_ hostile: HostileHeader) async throws {
        try await TestBroker.rabbitMQ.withWirePeer { peer in
            let session = RawSession(peer)
            let client = try await session.connect()
            client.send(.method(.queueDeclare(Queue("q")), on: 1))
            #expect(try await client.next().hasPrefix("1 queue.declare-ok"))
            let both = hostile.message("evil") + .message("fine")

            let recorder = LogRecorder()
            let uri = "amqp://guest:guest@127.0.0.1:\(peer.port)/\(peer.virtualHost)"
            try await withTransportBroker(to: uri, logger: recorder.logger) { broker in
                // One that takes what is left of such a message.
                var options = ConsumerOptions(prefetch: 1)
                options.takesDefective = true
                let all = Mailbox<Delivery>()
                let consumer = try await broker.consume("q", options: options) { all.put($0) }
                client.send(both)
                let evil = try await all.next()
                #expect((evil.message.defect == nil) == hostile.isTaken)
                #expect(evil.message.body == (hostile.isTaken ? Array("evil".utf8) : []))
                evil.token.settle(.ack)
                let fine = try await all.next()
                #expect(fine.message.body == Array("fine".utf8))
                fine.token.settle(.ack)
                await consumer.close()

                // And one that does not.
                let others = Mailbox<Delivery>()
                let careless = try await broker.consume("q", options: ConsumerOptions(prefetch: 1)) { others.put($0) }
                client.send(both)
                for text in hostile.isTaken ? ["evil", "fine"] : ["fine"] {
                    let delivery = try await others.next()
                    #expect(delivery.message.body == Array(text.utf8))
                    delivery.token.settle(.ack)
                }
                await careless.close()
                #expect(try await broker.inspect(queue: "q").messageCount == 0)
            }
            try await session.finish()
            #expect(!recorder.recorded.contains { $0.contains("lost") }, "the connection lived")
        }
    }

    @Test(arguments: TransportServer.allCases)
    func ofABodyThatIsTooLargeThePropertiesAreKept(_ server: TransportServer) async throws {
        try await server.withTransport({ $0.maxBodySize = 1000 }) { broker in
            let queue = "hostile-\(UInt64.random(in: 0...(.max)))"
            try await broker.declare(Topology(queues: [Queue(queue, durable: false, exclusive: true)]))
            try await server.withTransport { other in
                let properties = BasicProperties(headers: ["a": 1], correlationID: "c", messageID: "m")
                let large = Message(body: [UInt8](repeating: 0, count: 200_000), properties: properties)
                try await other.publish(large, to: "", routingKey: queue)
            }
            var options = ConsumerOptions()
            options.takesDefective = true
            let deliveries = Mailbox<Delivery>()
            let consumer = try await broker.consume(queue, options: options) { deliveries.put($0) }
            let delivery = try await deliveries.next()
            #expect(delivery.message.defect == .bodyTooLarge(size: 200_000, limit: 1000))
            #expect(delivery.message.body.isEmpty)
            #expect(delivery.message.properties.headers == ["a": 1])
            #expect(delivery.message.properties.correlationID == "c")
            #expect(delivery.message.properties.messageID == "m")
            delivery.token.settle(.ack)
            await consumer.close()
        }
    }
}
