import EnokiAMQP
import EnokiInProcess
import NIOCore
import Testing

/// What the port does otherwise than RabbitMQ; Docs/BrokerDifferences.md lists it.
@Suite struct PortDifferenceTests {
    /// Tests beside these keep the event loops busy, on a slow machine for longer than a login may take.
    private let patient = {
        var configuration = AMQPConfiguration()
        configuration.loginTimeout = .seconds(300)
        return configuration
    }()

    @Test(arguments: [[1, 1, 8, 0], [1, 1, 9, 1]] as [[UInt8]])
    func anOlderProtocolIsAnsweredWithTheOneThatIsSpoken(_ version: [UInt8]) async throws {
        try await InProcessBroker().listen(configuration: self.patient) { port in
            let answer = try await PipelinedClient.send(ByteBuffer(bytes: Array("AMQP".utf8) + version), to: port)
            #expect(Array(answer.readableBytesView) == Array("AMQP".utf8) + [0, 0, 9, 1])
        }
    }

    @Test func aRoutingKeyOfAPublishIsUTF8() async throws {
        try await InProcessBroker().listen(configuration: self.patient) { port in
            let close = try await PipelinedClient.close(by: port) { client in
                client.publish(routingKey: [0xFF, 0xFE])
                client.header(bodySize: 0)
            }
            #expect(close == .init(code: 501, text: "FRAME_ERROR - Malformed UTF-8 in shortstr"))
        }
    }

    @Test func aBodyThatIsLongerThanAnnouncedEndsTheConnection() async throws {
        try await InProcessBroker().listen(configuration: self.patient) { port in
            let close = try await PipelinedClient.close(by: port) { client in
                client.publish(routingKey: Array("work".utf8))
                client.header(bodySize: 3)
                client.body(Array("four".utf8))
            }
            #expect(close == .init(code: 505, text: "UNEXPECTED_FRAME - content body is longer than announced"))
        }
    }

    @Test(arguments: [(31, false), (32, true), (10_000, true)])
    func tablesNestNoDeeperThanABound(_ depth: Int, _ isClosed: Bool) async throws {
        try await InProcessBroker().listen(configuration: self.patient) { port in
            let close = try await PipelinedClient.close(by: port) { client in
                client.declareQueue(arguments: .nested(depth))
                client.close()
            }
            #expect((close != nil) == isClosed, "\(String(describing: close))")
        }
    }

    @Test func aStoppedBrokerTakesConnectionsAndRefusesItsVirtualHost() async throws {
        let broker = InProcessBroker()
        try await broker.listen(configuration: self.patient) { port in
            broker.stop()
            let close = try await PipelinedClient.close(by: port) { _ in }
            #expect(close == .init(code: 320, text: "CONNECTION_FORCED - the broker is stopped"))
            broker.start()
            #expect(try await PipelinedClient.close(by: port) { $0.close() } == nil)
        }
    }
}

extension ByteBuffer {
    /// A field table with a table in a table, so deep.
    fileprivate static func nested(_ depth: Int) -> ByteBuffer {
        var table = ByteBuffer(integer: UInt32(0))
        for _ in 0..<depth {
            var outer = ByteBuffer()
            outer.writeInteger(UInt32(3 + table.readableBytes))
            outer.writeBytes([1, UInt8(ascii: "a"), UInt8(ascii: "F")])
            outer.writeBuffer(&table)
            table = outer
        }
        return table
    }
}
