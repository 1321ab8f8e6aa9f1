import EnokiTestSupport
import Testing

/// What a client sends and what it gets for it: a case on the wire that needs no more words.
struct WireExchange: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let stage: RawSession.Stage
    let sent: [RawFrame]
    let received: [String]

    /// - Parameters:
    ///   - description: The behaviour.
    ///   - stage: How far the connection is; by default channel 1 is open.
    ///   - sent: What the client sends in one go.
    ///   - received: The lines of what comes, with nothing left out.
    init(_ description: String, at stage: RawSession.Stage = .channel, _ sent: [RawFrame], _ received: String...) {
        self.testDescription = description
        self.stage = stage
        self.sent = sent
        self.received = received
    }

    /// Runs it on each broker. A connection that the broker closes is over when the client agrees; another one is closed by
    /// the client, and nothing may have come besides.
    func run(on brokers: [TestBroker] = TestBroker.withPorts) async throws {
        try await conformOnWire(on: brokers) { session in
            let client = try await session.connect(self.stage)
            client.send(self.sent)
            #expect(try await client.next(self.received.count) == self.received)
            if self.received.contains(where: { $0.hasPrefix("0 connection.close ") }) {
                #expect(try await client.acceptClose() == RawConnection.end)
            } else if self.received.last != RawConnection.end {
                #expect(try await client.close() == ["0 connection.close-ok"])
            }
        }
    }
}
