import EnokiTestSupport
import Testing

/// Runs a case on each broker that has a port, RabbitMQ first, and fails where another one's trace differs from RabbitMQ's.
///
/// A trace tells every octet of every frame that came, but for names that a broker makes up, and that the end of a
/// connection is the same line whether it is in good order or a reset (``RawConnection/end``).
func conformOnWire(
    on brokers: [TestBroker] = TestBroker.withPorts,
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: (RawSession) async throws -> Void
) async throws {
    var reference: [String]?
    for broker in brokers.sorted(by: { left, right in left == .rabbitMQ && right != .rabbitMQ }) {
        let trace = try await broker.withWirePeer { peer in
            let session = RawSession(peer)
            do {
                try await body(session)
                try await session.finish()
            } catch {
                Issue.record(
                    "On \(broker): \(error)\nTrace:\n\(session.trace.lines.joined(separator: "\n"))",
                    sourceLocation: sourceLocation
                )
            }
            return session.trace.lines
        }
        guard let expected = reference else {
            reference = trace
            continue
        }
        if trace != expected {
            let difference = TraceDifference(from: expected, to: trace)
            Issue.record("\(broker) differs from RabbitMQ:\n\(difference)", sourceLocation: sourceLocation)
        }
    }
}
