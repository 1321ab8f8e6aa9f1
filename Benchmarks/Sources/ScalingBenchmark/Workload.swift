import EnokiBroker
import EnokiInProcess

/// Messages through a broker that holds some number of something; each returns the CPU per message in microseconds.
enum Workload {
    private static let messages = 20_000

    /// Each message goes to the next queue, and stays there.
    static func queues(_ count: Int) async throws -> Double {
        try await self.withBroker { broker, done in
            let names = (0..<count).map { "queue-\($0)" }
            try await broker.declare(Topology(queues: names.map { Queue($0) }))
            return { number in
                broker.send(to: "", routingKey: names[number % count])
                done.step()
                return number == self.messages - 1
            }
        } isDone: {
            $0 >= self.messages
        }
    }

    /// Each message is routed by another of the keys, to one queue.
    static func bindings(_ count: Int) async throws -> Double {
        try await self.withBroker { broker, done in
            let bindings = (0..<count).map {
                Binding(from: "events", toQueue: "queue", routingKey: "order.\($0).*")
            }
            let exchange = Exchange("events", .topic)
            try await broker.declare(Topology(exchanges: [exchange], queues: [Queue("queue")], bindings: bindings))
            try await self.consume("queue", on: broker, done)
            return { number in
                broker.send(to: "events", routingKey: "order.\(number % count).placed")
                return number == self.messages - 1
            }
        } isDone: {
            $0 >= self.messages
        }
    }

    /// Each message goes behind `count` others and the one at the head is delivered and acknowledged.
    static func backlog(_ count: Int) async throws -> Double {
        try await self.withBroker { broker, done in
            try await broker.declare(Topology(queues: [Queue("queue")]))
            for _ in 0..<count { broker.send(to: "", routingKey: "queue") }
            let limit = Progress.Limit(self.messages)
            _ = try await broker.consume("queue", options: ConsumerOptions(prefetch: 100)) { delivery in
                // Beyond the limit they stay where they are: unsettled.
                guard limit.take() else { return limit.keep(delivery) }
                delivery.token.settle(.ack)
                done.step()
            }
            return { number in
                broker.send(to: "", routingKey: "queue")
                return number == self.messages - 1
            }
        } isDone: {
            $0 >= self.messages
        }
    }

    /// Consumers that take turns.
    static func consumers(_ count: Int) async throws -> Double {
        try await self.withBroker { broker, done in
            try await broker.declare(Topology(queues: [Queue("queue")]))
            for _ in 0..<count { try await self.consume("queue", on: broker, done) }
            return { number in
                broker.send(to: "", routingKey: "queue")
                return number == self.messages - 1
            }
        } isDone: {
            $0 >= self.messages
        }
    }

    /// Connections with a queue and a consumer each.
    static func connections(_ count: Int) async throws -> Double {
        try await self.withBroker { broker, done in
            for number in 0..<count {
                let connection = broker.connect(name: "connection-\(number)")
                try await connection.declare(Topology(queues: [Queue("queue-\(number)")]))
                _ = try await connection.consume("queue-\(number)") { delivery in
                    delivery.token.settle(.ack)
                    done.step()
                }
            }
            return { number in
                broker.send(to: "", routingKey: "queue-\(number % count)")
                return number == self.messages - 1
            }
        } isDone: {
            $0 >= self.messages
        }
    }

    private static func consume(_ queue: String, on broker: InProcessBroker, _ done: Progress) async throws {
        _ = try await broker.consume(queue, options: ConsumerOptions(prefetch: 100)) { delivery in
            delivery.token.settle(.ack)
            done.step()
        }
    }

    /// Runs a broker, prepares it, and measures from the first message to the last delivery.
    ///
    /// - Parameters:
    ///   - prepare: Returns what sends the message of a number, and whether it was the last.
    ///   - isDone: Whether that many deliveries are all.
    private static func withBroker(
        _ prepare: (InProcessBroker, Progress) async throws -> (Int) -> Bool,
        isDone: @escaping @Sendable (Int) -> Bool
    ) async throws -> Double {
        let broker = InProcessBroker()
        return try await withThrowingTaskGroup { group in
            group.addTask { try await broker.run() }
            defer { group.cancelAll() }
            let progress = Progress(isDone)
            let send = try await prepare(broker, progress)
            let before = ProcessorTime.now
            var number = 0
            while !send(number) {
                number += 1
                // Deliveries have their turns, as they have between publishers that wait for confirms.
                if number.isMultiple(of: 64) { await Task.yield() }
            }
            await progress.finish()
            return (ProcessorTime.now - before) / .microseconds(1) / Double(self.messages)
        }
    }
}

extension InProcessBroker {
    func send(to exchange: String, routingKey: String) {
        self.publish(Message("0123456789"), to: exchange, routingKey: routingKey, options: PublishOptions()) { _ in }
    }
}
