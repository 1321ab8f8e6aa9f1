import ChaosLedger
import Enoki
import EnokiBroker
import EnokiRabbitMQ
import EnokiTestSupport
import Foundation
import Logging

/// Sends single events and calls, straight to the broker, to see whether they are answered.
struct Canary: Sendable {
    let host: ServiceHost
    let broker: any Broker
    private let ledger: LedgerWriter
    private let sent = Locked(0)

    /// Runs `body` with a canary.
    static func with<Result: Sendable>(_ run: Run, _ body: (Canary) async throws -> Result) async throws -> Result {
        try await Self.with(run.host, folder: run.folder, body)
    }

    /// Runs `body` with a canary on a virtual host; its ledger is in `folder`.
    static func with<Result: Sendable>(
        _ virtualHost: RabbitMQVirtualHost,
        folder: String,
        _ body: (Canary) async throws -> Result
    ) async throws -> Result {
        let logger = Logger(label: "canary") { _ in SwiftLogNoOpLogHandler() }
        let configuration = try RabbitMQConfiguration(uri: virtualHost.uri + "?heartbeat=2")
        let broker = RabbitMQBroker(configuration: configuration, logger: logger)
        let host = try ServiceHost(broker: broker, logger: logger)
        let canary = Canary(host: host, broker: broker, ledger: try LedgerWriter(folder: folder, name: "driver"))
        async let served: Void = host.run()
        let result: Swift.Result<Result, any Error>
        do {
            result = .success(try await body(canary))
        } catch {
            result = .failure(error)
        }
        host.stop()
        try await served
        return try result.get()
    }

    /// Sends an event, until that is confirmed; its handler is to work for `work` milliseconds.
    @discardableResult
    func sendEvent(work: Int = 0) async throws -> MessageID {
        let number = self.sent.withLock { sent in
            defer { sent += 1 }
            return sent
        }
        let id = MessageID(producer: 0, sequence: number)
        try await eventually("an event of the driver is confirmed") {
            self.ledger.write(.sent, id)
            let options = PublishOptions(mandatory: true, timeout: .seconds(5))
            try await self.host.dispatch(Tick(id, work: work), options: options)
            self.ledger.write(.confirmed, id)
            return true
        }
        return id
    }

    /// Sends an event and waits until it is handled `times` times.
    ///
    /// - Returns: How long that took.
    func answers(_ watch: LedgerWatch, times: Int = 1, within limit: Duration) async throws -> Duration {
        let start = Instant.now
        let id = try await self.sendEvent()
        var handled = 0
        // Not `eventually`, which has more patience than it is asked for.
        while Instant.now - start < limit {
            handled += try watch.poll().count { $0.act == .done && $0.message == id }
            if handled >= times { return .now - start }
            try await ContinuousClock().sleep(for: .milliseconds(5))
        }
        let error = "event \(id) of the driver was handled \(handled) times, and not \(times), within \(limit)"
        throw Unanswered(description: error)
    }

    /// Declares what no process of the crew does.
    func declare(_ topology: Topology) async throws { try await self.broker.declare(topology) }

    /// Takes all events out of a queue, and says which they were.
    func drain(_ queue: String) async throws -> [MessageID] {
        let found = Locked<[MessageID]>([])
        let count = try await self.broker.inspect(queue: queue).messageCount
        let consumer = try await self.broker.consume(queue, options: ConsumerOptions(prefetch: 500)) { delivery in
            if let tick = try? JSONDecoder().decode(Tick.self, from: Data(delivery.message.body)), tick.isIntact {
                found.withLock { $0.append(tick.id) }
            } else {
                // One that was changed is nobody's.
                found.withLock { $0.append(MessageID(producer: -1, sequence: 0)) }
            }
            delivery.token.settle(.ack)
        }
        try await eventually("queue \(queue) is drained") { found.withLock { $0.count } >= count }
        await consumer.close()
        return found.withLock { $0 }
    }
}

/// An event that should have been handled and was not.
struct Unanswered: Error, CustomStringConvertible {
    let description: String
}
