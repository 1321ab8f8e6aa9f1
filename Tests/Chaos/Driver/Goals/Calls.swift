import ChaosLedger
import EnokiBroker
import EnokiInProcess

/// G12: each call ends once, whoever answers it, and however.
struct Calls: Goal {
    static let name = "calls"
    static let summary =
        "G12: calls through kills of callees and replies that are dropped, late, doubled, foreign, garbage"

    private static let timeout = Duration.seconds(3)
    /// What a machine takes that does other things as well.
    private static let tolerance = Duration.seconds(5)
    /// When a late answer comes: who took it for one would be seen by the time.
    fileprivate static let lateness = timeout + tolerance + .seconds(2)

    func run(_ run: Run) async throws -> Verdict {
        let calls = run.sized(20_000, 200_000)
        let kills = 10
        return try await run.withCrew(heartbeat: 5) { crew in
            try await Canary.with(run) { canary in
                let callees = try (1...2).map { try crew.hire("callee-\($0)", services: ["callee"], workers: 16) }
                for member in callees { try member.start() }
                for member in callees { try await member.logs("[callee] started") }
                let liar = try await Liar.consume("rpc-callee", canary.broker, calls / 100)
                let callers = try (1...2).map { number in
                    try crew.hire(
                        "caller-\(number)",
                        services: ["caller"],
                        [
                            "chaos_producer": "\(number)", "chaos_messages": "\(calls / 2)", "chaos_window": "32",
                            "chaos_rate": "400", "chaos_timeout": "\(Self.timeout.milliseconds)",
                        ]
                    )
                }
                for member in callers { try member.start() }
                var generator = run.generator
                let watch = LedgerWatch(folder: crew.folder)
                func isOver() throws -> Bool {
                    try watch.poll()
                    return watch.counts[.finished] != nil
                }
                var killed = 0
                // On a slow machine the calls may be over before, and nobody would work any more.
                while killed < kills, try !isOver() {
                    try await run.pause(300...1500, &generator)
                    try await callees[killed % callees.count].kill()
                    try await callees[killed % callees.count].startAndWork(in: crew.folder, orUntil: isOver)
                    killed += 1
                }
                try await watch.wait(for: .finished, 2, within: .seconds(900))
                await liar.consumer.close()

                var verdict = Verdict()
                verdict.note("kills of callees", killed)
                if killed < kills / 2 { verdict.violation("only \(killed) callees were killed of \(kills)") }
                verdict.note("answers of the liar", liar.counts)
                verdict.judgeCalls(
                    try Ledger.all(in: crew.folder),
                    planned: calls,
                    timeout: Self.timeout,
                    tolerance: Self.tolerance,
                    allowed: [
                        "timeout", "outcomeUnknown", "notSent", "DecodingError", "InvalidReply", "MalformedReply",
                        // One that those who were killed had in hand again and again, or that the liar gave back.
                        "DeliveryLimitExceeded",
                    ]
                )
                verdict.expectNone("crashes", crew.crashes)
                return verdict
            }
        }
    }
}

/// Takes its share of calls and answers them as nobody should.
private final class Liar: Sendable {
    private enum Way: String, CaseIterable { case dropped, late, doubled, foreign, garbage }

    let consumer: any Consumer
    private let answered: Locked<[Way: Int]>

    private init(_ consumer: any Consumer, _ answered: Locked<[Way: Int]>) {
        self.consumer = consumer
        self.answered = answered
    }

    var counts: String {
        self.answered.withLock { answered in Way.allCases.map { "\($0) \(answered[$0] ?? 0)" }.joined(separator: ", ") }
    }

    /// Takes up to `count` calls, one every 50 ms.
    static func consume(_ queue: String, _ broker: any Broker, _ count: Int) async throws -> Liar {
        let answered = Locked<[Way: Int]>([:])
        let consumer = try await broker.consume(queue, options: ConsumerOptions(prefetch: 1)) { delivery in
            let number = answered.withLock { $0.values.reduce(0, +) }
            guard number < count else {
                // Enough: what it gets now others are to answer, and it holds that one until it is closed.
                Task {
                    try await ContinuousClock().sleep(for: .milliseconds(100))
                    delivery.token.settle(.requeue)
                }
                return
            }
            let way = Way.allCases[number % Way.allCases.count]
            answered.withLock { $0[way, default: 0] += 1 }
            Task {
                await Self.answer(delivery, way, broker)
                try await ContinuousClock().sleep(for: .milliseconds(50))
                delivery.token.settle(.ack)
            }
        }
        return Liar(consumer, answered)
    }

    private static func answer(_ delivery: Delivery, _ way: Way, _ broker: any Broker) async {
        let properties = delivery.message.properties
        guard let address = properties.replyTo, let right = properties.correlationID else { return }
        // A right answer would be twice the number, which the liar does not care to read.
        let text = String(decoding: delivery.message.body, as: UTF8.self)
        let double = Self.number("sequence", in: text).map { "{\"result\": \($0 * 2), \"error\": null}" } ?? "{}"
        func reply(_ body: String, _ correlation: String) async {
            var reply = Message(body)
            reply.properties.contentType = "application/json"
            reply.properties.correlationID = correlation
            try? await broker.publish(reply, to: "nameko-rpc", routingKey: address)
        }
        switch way {
        case .dropped: break
        case .late:
            Task {
                try await ContinuousClock().sleep(for: Calls.lateness)
                await reply(double, right)
            }
        case .doubled:
            await reply(double, right)
            await reply(double, right)
        case .foreign:
            await reply("{\"result\": 1, \"error\": null}", "somebody-else")
            await reply(double, right)
        case .garbage: await reply("{\"result\": ", right)
        }
    }

    private static func number(_ name: String, in text: String) -> Int? {
        guard let range = text.firstRange(of: "\"\(name)\":") else { return nil }
        return Int(text[range.upperBound...].drop { $0 == " " }.prefix { $0.isNumber })
    }
}
