import ChaosLedger
import EnokiBroker
import EnokiTestSupport

/// G5: messages that cannot be read, one for each that can.
struct Malformed: Goal {
    static let name = "malformed"
    static let summary =
        "G5: malformed messages, 1:1 with good ones: each a dead letter for its reason, good ones handled"

    private static let exchange = "orders.events"
    private static let routingKey = "placed"
    private static let queue = "evt-orders-placed--warehouse.on_order"

    func run(_ run: Run) async throws -> Verdict {
        let (count, rate) = run.sized((1_000, 200), (10_000, 400))
        let before = count / 4
        return try await run.withCrew(heartbeat: 10) { crew in
            let limits = ["max_body_size": "\(MalformedMessages.maximumBodySize)"]
            let warehouse = try crew.hire("warehouse", services: ["warehouse"], limits)
            try warehouse.start()
            try await warehouse.logs("[warehouse] started")
            return try await Canary.with(run) { canary in
                try await self.publish(canary, 0..<before, rate: rate)
                var corpus = MalformedMessages(seed: run.seed)
                let malformed = (0..<count).map { corpus.message($0, id: $0) }
                let change = Instant.now
                var expected = try await self.publishOctets(run.host)
                let anonymous = 3 * HostileHeader.all.count { !$0.keepsItsID }
                try await self.publish(canary, before..<before + count, rate: rate, each: malformed)
                let last = Instant.now
                let reasons = MalformedMessages.kinds.map { ($0.name, $0.reason) }
                for (number, message) in malformed.enumerated() {
                    expected[message.properties.messageID ?? ""] = reasons[number % reasons.count].1
                }

                let watch = LedgerWatch(folder: crew.folder)
                try await watch.wait(for: .done, before + count, within: .seconds(60))
                let letters = expected.count + anonymous
                try await eventually("\(letters) dead letters", within: .seconds(60)) {
                    try await canary.broker.inspect(queue: Self.queue + ".dead").messageCount >= letters
                }
                let refusals = try await canary.take(from: Self.queue + ".dead").map(Refusal.init)
                try await run.settle()

                var verdict = Verdict()
                let ledgers = try Ledger.all(in: crew.folder)
                let history = History(ledgers, publishDeadline: .seconds(30))
                verdict.judgeRefusals(refusals, expected: expected, anonymous: anonymous)
                verdict.judgeDelivery(history, faults: [], duplicatesAtMost: 0)
                verdict.judgeLatency(ledgers, producer: 1, before: change)
                // At nine tenths of its rate a service is a tenth behind when the last one comes.
                let behind = history.messages.values.count { $0.done.contains { $0.time > last } }
                verdict.expect("good events not handled yet when the last was sent", behind, atMost: count / 10)
                verdict.expectNone("crashes", crew.crashes)
                return verdict
            }
        }
    }

    /// Publishes good events, `rate` a second, and with each of them one that is not.
    private func publish(_ canary: Canary, _ range: Range<Int>, rate: Int, each others: [Message] = []) async throws {
        let start = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, number) in range.enumerated() {
                try await ContinuousClock().sleep(until: start + .seconds(index) / rate, tolerance: .milliseconds(1))
                group.addTask {
                    let id = MessageID(producer: 1, sequence: number)
                    let good = MalformedMessages.good(number)
                    try await canary.publish(good, as: id, to: Self.exchange, routingKey: Self.routingKey)
                }
                guard index < others.count else { continue }
                group.addTask {
                    try await canary.broker.publish(others[index], to: Self.exchange, routingKey: Self.routingKey)
                }
            }
            try await group.waitForAll()
        }
    }

    /// Publishes what no client library would write, each three times.
    ///
    /// - Returns: The reason for each message id.
    private func publishOctets(_ host: RabbitMQVirtualHost) async throws -> [String: String] {
        let session = RawSession(try host.wirePeer())
        let client = try await session.connect()
        var expected: [String: String] = [:]
        for (hostile, round) in HostileHeader.all.flatMap({ hostile in (1...3).map { (hostile, $0) } }) {
            let id = "\(hostile)/\(round)"
            client.send(hostile.message("evil", to: Self.exchange, key: Self.routingKey, messageID: id))
            if hostile.keepsItsID { expected[id] = hostile.reason }
        }
        // In good order, so that the broker has them all.
        try await session.finish()
        return expected
    }
}
