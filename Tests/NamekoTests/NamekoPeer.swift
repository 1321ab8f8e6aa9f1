import Enoki
import EnokiTestSupport
import EnokiTesting
import Foundation

/// A process of real nameko services (`Peer/peer.py`) on a virtual host.
struct NamekoPeer: Sendable {
    /// An event that the process received.
    struct ReceivedEvent: Codable, Sendable {
        let type: String
        let mode: String
        let data: JSONValue
        let context: ObservedContext
    }

    /// A busy machine takes long to start a Python with its libraries.
    static let patience = Duration.seconds(120)

    static let directory = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Peer").path

    let client: NamekoClient
    let process: ChildProcess
    /// The name of the service that only this process has.
    let ownService: String

    /// Starts the services on a virtual host that nobody consumes from yet, waits until they consume, runs `body` and stops
    /// them.
    ///
    /// - Parameters:
    ///   - instance: Tells processes on one virtual host apart.
    ///   - source: The service whose events `tick` and `tock` it handles.
    static func with<Result>(
        _ nameko: Nameko,
        on host: TestVirtualHost,
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
            try nameko.python,
            ["-m", "nameko", "run", "peer", "--broker", host.uri],
            environment: environment,
            directory: Self.directory,
            stopSignal: SIGKILL  // It has nothing to lose, and nameko takes seconds to stop in good order.
        ) { process in
            let client = NamekoClient(nameko: nameko, host: host)
            let peer = NamekoPeer(client: client, process: process, ownService: "peer_\(instance)")
            try await peer.serves(on: host)
            return try await body(peer)
        }
    }

    /// What this process received, once that is as much as expected.
    func receivedEvents(_ count: Int, by cluster: Cluster) async throws -> [ReceivedEvent] {
        let service = cluster.rpc(self.ownService)
        return try await eventually("\(self.ownService) received \(count) events", within: Self.patience) {
            try await service.received() as [ReceivedEvent]
        } until: {
            $0.count >= count
        }
    }

    private func serves(on host: TestVirtualHost) async throws {
        do {
            // Two RPC queues, six of event handlers, and one for replies.
            try await eventually("nameko consumes its nine queues", within: Self.patience) {
                try await host.consumedQueues().sorted()
            } until: {
                $0.count >= 9
            }
        } catch {
            throw Failure(description: "\(error)\nnameko wrote: \(self.process.output)\(self.process.errors)")
        }
    }

    private struct Failure: Error, CustomStringConvertible {
        let description: String
    }
}
