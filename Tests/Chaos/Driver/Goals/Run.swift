import ChaosLedger
import EnokiInProcess
import EnokiTestSupport
import Foundation

/// One run of a goal: its broker, its processes, its seed.
struct Run: Sendable {
    /// Every choice of the run comes from it.
    let seed: UInt64
    let size: Size
    let node: RabbitMQNode
    let host: RabbitMQVirtualHost
    /// Where ledgers and logs are.
    let folder: String
    /// Tells what happens, one line at a time.
    let say: @Sendable (String) -> Void

    /// The generator of the seed.
    var generator: SeededGenerator { SeededGenerator(seed: self.seed) }

    /// The same run on another broker.
    func moved(to node: RabbitMQNode, _ host: RabbitMQVirtualHost) -> Run {
        Run(seed: self.seed, size: self.size, node: node, host: host, folder: self.folder, say: self.say)
    }

    /// `short` or `long`, as the size is.
    func sized<Value>(_ short: Value, _ long: Value) -> Value { self.size == .short ? short : long }

    /// Runs `body` with processes whose heartbeat is `heartbeat` seconds, and stops them.
    func withCrew<Result>(heartbeat: Int, _ body: (Crew) async throws -> Result) async throws -> Result {
        let crew = Crew(folder: self.folder, host: self.host, port: try self.node.port, heartbeat: heartbeat)
        let result: Result
        do {
            result = try await body(crew)
        } catch {
            await crew.dismiss()
            throw error
        }
        await crew.dismiss()
        return result
    }

    /// A pause of a random length, by the real clock.
    func pause(_ range: ClosedRange<Int>, _ generator: inout SeededGenerator) async throws {
        let milliseconds = range.lowerBound + generator.index(below: range.count)
        try await ContinuousClock().sleep(for: .milliseconds(milliseconds))
    }

    /// Waits until all queues are empty and nothing is unacknowledged.
    ///
    /// - Parameter mayKeep: The queues that may keep what is in them.
    func settle(
        within limit: Duration = .seconds(60),
        but mayKeep: (_ queue: String) -> Bool = { _ in false }
    ) async throws {
        try await eventually("all queues are empty", within: limit) {
            try await self.host.queues().filter {
                !mayKeep($0.name) && $0.messagesReady + $0.messagesUnacknowledged > 0
            }
        } until: {
            $0.isEmpty
        }
    }

    /// Kills the broker and starts it again.
    ///
    /// - Parameters:
    ///   - down: How long it is away, besides the time that its start takes.
    ///   - isEmpty: Whether it comes back without all that it had, its virtual hosts among them.
    /// - Returns: When it was killed, and when it listened again.
    func killBroker(for down: Duration = .zero, isEmpty: Bool = false) async throws -> (
        killed: Instant, listens: Instant
    ) {
        let killed = Instant.now
        try self.node.send(signal: SIGKILL)
        let port = try self.node.port
        try await eventually("the broker is dead") { !LoopbackSocket.accepts(port) }
        try await ContinuousClock().sleep(for: down)
        async let started: Void = self.node.start(isEmpty: isEmpty)
        try await eventually("the broker listens again", within: .seconds(120)) { LoopbackSocket.accepts(port) }
        let listens = Instant.now
        try await started
        return (killed, listens)
    }
}
