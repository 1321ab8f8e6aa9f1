import EnokiTestSupport
import Foundation

/// A process of real nameko services (`Peer/peer.py`) on a virtual host.
struct NamekoPeer: Sendable {
    /// An event that the process received.
    struct ReceivedEvent: Decodable, Sendable {
        let mode: String
        let data: JSON
        let context: Context
    }

    /// The context of a call, as a nameko service sees it.
    struct Context: Decodable, Sendable {
        let callIDStack: [String]
        let data: [String: JSON]

        private enum CodingKeys: String, CodingKey {
            case data
            case callIDStack = "call_id_stack"
        }
    }

    static let directory = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Peer").path

    let client: NamekoClient
    let process: ChildProcess
    private let instance: String

    /// Starts the services, waits until they consume, runs `body` and stops them.
    ///
    /// - Parameters:
    ///   - instance: Tells processes on one virtual host apart.
    ///   - source: The service whose events `tick` it handles.
    static func with<Result>(
        on host: RabbitMQVirtualHost,
        instance: String = "0",
        eventsOf source: String = "swift",
        _ body: (NamekoPeer) async throws -> Result
    ) async throws -> Result {
        let environment = [
            "PEER_INSTANCE": instance,
            "PEER_EVENT_SOURCE": source,
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONWARNINGS": "ignore",
        ]
        return try await ChildProcess.with(
            try TestEnvironment.python,
            ["-m", "nameko", "run", "peer", "--broker", host.uri],
            environment: environment,
            directory: Self.directory,
            stopSignal: SIGKILL  // It has nothing to lose, and nameko takes seconds to stop in good order.
        ) { process in
            let peer = NamekoPeer(client: NamekoClient(host: host), process: process, instance: instance)
            try await peer.serves(on: host, eventsOf: source)
            return try await body(peer)
        }
    }

    /// What this process received, in order.
    func receivedEvents() async throws -> [ReceivedEvent] {
        try await self.client.call("peer_\(self.instance)", "received")
    }

    private func serves(on host: RabbitMQVirtualHost, eventsOf source: String) async throws {
        let handlers = "evt-\(source)-tick--peer.on_tick_"
        do {
            try await eventually("nameko consumes its five queues", within: .seconds(30)) {
                try await host.consumers().map(\.queueName).sorted()
            } until: { queues in
                ["rpc-peer", "rpc-peer_\(self.instance)", "evt-\(source)-tick", handlers + "pool"]
                    .allSatisfy(queues.contains) && queues.contains { $0.hasPrefix(handlers + "broadcast-") }
            }
        } catch {
            throw Failure(description: "\(error)\nnameko wrote: \(self.process.output)\(self.process.errors)")
        }
    }

    private struct Failure: Error, CustomStringConvertible {
        let description: String
    }
}
