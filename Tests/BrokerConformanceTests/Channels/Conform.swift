import EnokiTestSupport
import Testing

/// Runs a case on each broker, RabbitMQ first, and fails where another one's trace differs from RabbitMQ's.
///
/// - Parameters:
///   - brokers: The brokers that it runs on; a case that leaves one out says why beside it, and in
///     `Docs/BrokerDifferences.md`.
///   - body: The case. It waits for conditions, never for time, and takes every event that it causes.
func conform(
    on brokers: [TestBroker] = TestBroker.allCases,
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: (AMQPSession) async throws -> Void
) async throws {
    var reference: [String]?
    for broker in brokers.sorted(by: { left, right in left == .rabbitMQ && right != .rabbitMQ }) {
        let trace = try await broker.withPeer { peer in
            let session = AMQPSession(peer)
            do {
                try await body(session)
            } catch {
                Issue.record(
                    "On \(broker): \(error)\nTrace:\n\(session.trace.lines.joined(separator: "\n"))",
                    sourceLocation: sourceLocation
                )
            }
            try await session.finish()
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
