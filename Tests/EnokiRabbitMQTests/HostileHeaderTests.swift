import EnokiBroker
import EnokiRabbitMQ
import EnokiTestSupport
import Testing

/// Messages that no client library would write, published octet by octet: each ends by itself, and the connection goes on.
@Suite struct HostileHeaderTests {
    struct Hostile: CustomTestStringConvertible, Sendable {
        let testDescription: String
        /// Which properties are there.
        var flags: UInt16 = 1 << 13
        var properties: [RawArgument]
        /// Whether the transport takes all of it.
        var isTaken = true

        init(_ name: String, flags: UInt16 = 1 << 13, isTaken: Bool = true, _ properties: RawArgument...) {
            self.testDescription = name
            self.flags = flags
            self.isTaken = isTaken
            self.properties = properties
        }
    }

    static let messages = [
        Hostile("a header without a name", .longBytes(header([], "t", [1]))),
        Hostile("a name that is not UTF-8", .longBytes(header([0xFF, 0xFE], "t", [1]))),
        Hostile("a name with a NUL and line breaks", .longBytes(header([0, 13, 10], "t", [1]))),
        Hostile("a text that is not UTF-8", .longBytes(header([110], "S", [0, 0, 0, 2, 0xC3, 0x28]))),
        Hostile("a boolean that is neither", .longBytes(header([110], "t", [7]))),
        Hostile("a decimal of 255 places", .longBytes(header([110], "D", [255, 255, 255, 255, 255]))),
        Hostile("a name a thousand times", .longBytes((0..<1000).flatMap { _ in header([110], "t", [1]) })),
        Hostile(
            "100 kB in one header",
            .longBytes(header([110], "S", long(100_000)))
        ),
        Hostile(
            "all that fits into a frame",
            .longBytes(header([110], "x", long(130_900)))
        ),
        Hostile("tables 5,000 deep", isTaken: false, .longBytes(tables(5000))),
        Hostile("tables as deep as a frame allows", isTaken: false, .longBytes(tables(18_000))),
        Hostile("arrays 5,000 deep", isTaken: false, .longBytes(arrays(5000))),
        Hostile("arrays as deep as a frame allows", isTaken: false, .longBytes(arrays(26_000))),
        Hostile("a correlation id that is not UTF-8", flags: 1 << 10, .shortBytes([0xFF, 0xC0, 0x80])),
        Hostile("a reply-to of 255 NULs", flags: 1 << 9, .shortBytes([UInt8](repeating: 0, count: 255))),
        Hostile("a content type of line breaks", flags: 1 << 15, .shortBytes([13, 10, 13, 10])),
        Hostile("a time beyond all times", flags: 1 << 6, .longlong(.max)),
        Hostile("a priority of 255", flags: 1 << 11, .octet(255)),
    ]

    /// RabbitMQ hands on what it is given; the AMQP port refuses what nests too deep when it is published.
    @Test(arguments: Self.messages) func eachEndsByItselfAndTheConnectionGoesOn(_ hostile: Hostile) async throws {
        try await TestBroker.rabbitMQ.withWirePeer { peer in
            let session = RawSession(peer)
            let client = try await session.connect()
            client.send(.method(.queueDeclare(Queue("q")), on: 1))
            #expect(try await client.next().hasPrefix("1 queue.declare-ok"))
            var header = RawFrame.header(size: 4, flags: hostile.flags, on: 1)
            header.payload += RawArgument.octets(of: hostile.properties)
            let both: [RawFrame] = [.publish(), header, .body("evil", on: 1)] + .message("fine")

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

    // MARK: - Octets

    private static func header(_ name: [UInt8], _ kind: Character, _ value: [UInt8]) -> [UInt8] {
        var octets: [UInt8] = [UInt8(name.count)]
        octets += name
        octets.append(kind.asciiValue ?? 0)
        octets += value
        return octets
    }

    private static func length(_ count: Int) -> [UInt8] {
        let bigEndian = UInt32(count).bigEndian
        return withUnsafeBytes(of: bigEndian) { Array($0) }
    }

    /// A table in a table in a table: each takes seven octets of the one around it.
    private static func tables(_ depth: Int) -> [UInt8] {
        var octets: [UInt8] = []
        for level in 0..<depth { octets += self.header([110], "F", self.length(7 * (depth - 1 - level))) }
        return octets
    }

    /// An array in an array in an array.
    private static func arrays(_ depth: Int) -> [UInt8] {
        var octets: [UInt8] = [1, 110]
        for level in 0..<depth {
            octets.append(UInt8(ascii: "A"))
            octets += self.length(5 * (depth - 1 - level))
        }
        return octets
    }

    /// A long string of so many octets.
    private static func long(_ count: Int) -> [UInt8] { self.length(count) + [UInt8](repeating: 120, count: count) }
}
