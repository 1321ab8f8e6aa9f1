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

    /// Publishes a message once, mandatory, and writes down that it did, and that it was confirmed.
    func publish(_ message: Message, as id: MessageID, to exchange: String, routingKey: String) async throws {
        self.ledger.write(.sent, id)
        let options = PublishOptions(mandatory: true)
        try await self.broker.publish(message, to: exchange, routingKey: routingKey, options: options)
        self.ledger.write(.confirmed, id)
    }

    /// Sends events of `producer`, numbered by `range`, all at once.
    func sendEvents(producer: Int, _ range: Range<Int>) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in range {
                let id = MessageID(producer: producer, sequence: number)
                group.addTask {
                    self.ledger.write(.sent, id)
                    try await self.host.dispatch(Tick(id, work: 0), options: PublishOptions(mandatory: true))
                    self.ledger.write(.confirmed, id)
                }
            }
            try await group.waitForAll()
        }
    }

    /// Takes all messages out of a queue; none where there is no queue.
    func take(from queue: String) async throws -> [Message] {
        let found = Locked<[Message]>([])
        let count = try await self.messageCount(of: queue)
        guard count > 0 else { return [] }
        let consumer = try await self.broker.consume(queue, options: ConsumerOptions(prefetch: 500)) { delivery in
            found.withLock { $0.append(delivery.message) }
            delivery.token.settle(.ack)
        }
        try await eventually("queue \(queue) is drained") { found.withLock { $0.count } >= count }
        await consumer.close()
        return found.withLock { $0 }
    }

    private func messageCount(of queue: String) async throws(BrokerError) -> Int {
        do {
            return try await self.broker.inspect(queue: queue).messageCount
        } catch {
            guard error.code == .notFound else { throw error }
            return 0
        }
    }

    /// Takes all events out of a queue, and says which they were.
    func drain(_ queue: String) async throws -> [MessageID] {
        try await self.take(from: queue).map { message in
            let tick = try? JSONDecoder().decode(Tick.self, from: Data(message.body))
            // One that was changed is nobody's.
            guard let tick, tick.isIntact else { return MessageID(producer: -1, sequence: 0) }
            return tick.id
        }
    }
}

/// An event that should have been handled and was not.
struct Unanswered: Error, CustomStringConvertible {
    let description: String
}
