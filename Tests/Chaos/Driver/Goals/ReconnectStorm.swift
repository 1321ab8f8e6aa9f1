import ChaosLedger
import EnokiBroker
import EnokiRabbitMQ
import EnokiTestSupport
import Logging

/// G16: many connections lose their broker at the same moment.
struct ReconnectStorm: Goal {
    static let name = "reconnect-storm"
    static let summary = "G16: many connections come back to a broker that was killed: soon, and not all at once"

    /// One transport, with its two connections.
    private struct Client: Sendable {
        let broker: RabbitMQBroker
        let consumer: any Consumer
        let queue: String
    }

    func run(_ run: Run) async throws -> Verdict {
        let count = run.sized(60, 150)
        let proxy = try ChaosProxy(to: run.node.port)
        try proxy.accept()
        defer { proxy.refuse() }
        return try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            let received = Locked<Set<String>>([])
            var clients: [Client] = []
            for number in 0..<count {
                let uri = "amqp://guest:guest@127.0.0.1:\(proxy.port)/\(run.host.name)?heartbeat=5"
                let broker = RabbitMQBroker(
                    configuration: try RabbitMQConfiguration(uri: uri),
                    logger: Logger(label: "storm") { _ in SwiftLogNoOpLogHandler() }
                )
                group.addTask { try await broker.run() }
                let queue = "storm-\(number)"
                try await broker.declare(Topology(queues: [Queue(queue)]))
                let consumer = try await broker.consume(queue, options: ConsumerOptions()) { delivery in
                    received.withLock { _ = $0.insert(queue) }
                    delivery.token.settle(.ack)
                }
                clients.append(Client(broker: broker, consumer: consumer, queue: queue))
            }

            proxy.refuse()
            _ = try await run.killBroker()
            try proxy.accept()
            let listens = Instant.now
            let times = try await self.returns(of: clients, since: listens)
            let attempts = proxy.records.map(\.accepted).filter { $0 > listens }
            for client in clients {
                try await client.broker.publish(Message("back"), to: "", routingKey: client.queue)
            }
            try await eventually("each consumer is served") { received.withLock { $0.count } == count }

            var verdict = Verdict()
            verdict.note("connections", 2 * count)
            verdict.note("consuming again after the broker listens", Statistics(times))
            verdict.expect("longest until consuming again", Statistics(times).quantile(1), atMost: .seconds(15))
            verdict.note("attempts", attempts.count)
            let buckets = Dictionary(grouping: attempts) { ($0 - listens).milliseconds / 100 }
            let tenths = buckets.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value.count)" }
            run.say("attempts by tenths of a second: \(tenths.joined(separator: ", "))")
            let fullest = buckets.values.map(\.count).max() ?? 0
            // Of waits up to a second, by chance, a fifth ends in the first tenth; a third is no chance any more.
            verdict.expect(
                "hundredths of all attempts in one tenth of a second",
                fullest * 100 / max(attempts.count, 1),
                atMost: 33
            )
            return verdict
        }
    }

    /// When each of them is connected and consumes, which must be within a minute.
    private func returns(of clients: [Client], since start: Instant) async throws -> [Duration] {
        var times: [Duration] = []
        var missing = clients
        try await eventually("all consume again", within: .seconds(60)) {
            let (back, away) = missing.reduce(into: (0, [Client]())) { sorted, client in
                if client.broker.status == .connected, client.consumer.isActive {
                    sorted.0 += 1
                } else {
                    sorted.1.append(client)
                }
            }
            times += Array(repeating: .now - start, count: back)
            missing = away
            return missing.isEmpty
        }
        return times
    }
}
