import ChaosLedger
import Configuration
import Enoki
import EnokiBroker
import ServiceLifecycle

/// Publishes the events of its plan, each until it is confirmed, or once where the plan says so.
///
/// ## Configuration keys
/// `chaos_producer` (its number), `chaos_messages` (how many), `chaos_window` (how many at once), `chaos_rate` (a second; 0:
/// as fast as it goes), `chaos_work` (the longest work of a handler, in milliseconds), `chaos_retry` (bool: whether
/// it tries again until it is confirmed), `chaos_unroutable` and `chaos_limited` (every n-th event goes where no queue is, or
/// where the queue is full).
struct Source: Microservice {
    static let name = Tick.source
    let config = Config()
    let ledger: LedgerKeeper
    let events = EventDispatcher(PublishOptions(mandatory: true, timeout: .seconds(5)))

    init() { self.ledger = LedgerKeeper("source", self.config) }

    var entrypoints: [any Entrypoint] { Once("publish", self.publish) }

    func publish() async throws {
        let plan = try PublishingPlan(self.config.reader)
        let queue = WorkQueue(count: plan.messages, rate: plan.rate)
        // A plan without an end ends with the process.
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                for _ in 0..<plan.window {
                    group.addTask {
                        while let sequence = await queue.next() {
                            await self.publish(MessageID(producer: plan.producer, sequence: sequence), plan)
                        }
                    }
                }
            }
        }
        self.ledger.write(.finished, MessageID(producer: plan.producer, sequence: plan.messages))
    }

    private func publish(_ id: MessageID, _ plan: PublishingPlan) async {
        let tick = Tick(id, work: plan.work(of: id))
        while !Task.isCancelled {
            let type = plan.type(of: id)
            self.ledger.write(.sent, id, detail: type == Tick.type ? "" : type)
            do {
                try await self.events.dispatch(type, tick)
                self.ledger.write(.confirmed, id)
                return
            } catch {
                self.ledger.write(.failed, id, detail: (error as? BrokerError).map { "\($0.code)" } ?? "other")
            }
            guard plan.retries else { return }
            try? await ContinuousClock().sleep(for: .milliseconds(50))
        }
    }
}

/// What a ``Source`` is told.
struct PublishingPlan: Sendable {
    let producer: Int
    let messages: Int
    let window: Int
    let rate: Int
    let retries: Bool
    private let longestWork: Int
    private let unroutable: Int
    private let limited: Int

    init(_ reader: ConfigReader) throws {
        self.producer = try reader.requiredInt(forKey: "chaos_producer")
        self.messages = try reader.requiredInt(forKey: "chaos_messages")
        self.window = reader.int(forKey: "chaos_window", default: 256)
        self.rate = reader.int(forKey: "chaos_rate", default: 0)
        self.retries = reader.bool(forKey: "chaos_retry", default: true)
        self.longestWork = reader.int(forKey: "chaos_work", default: 0)
        self.unroutable = reader.int(forKey: "chaos_unroutable", default: 0)
        self.limited = reader.int(forKey: "chaos_limited", default: 0)
    }

    /// Spread evenly, and the same for the same event.
    func work(of id: MessageID) -> Int { self.longestWork == 0 ? 0 : Int(id.check) % (self.longestWork + 1) }

    func type(of id: MessageID) -> String {
        if self.limited > 0, id.sequence % self.limited == self.limited - 1 { return "limited" }
        if self.unroutable > 0, id.sequence % self.unroutable == self.unroutable - 1 { return "nowhere" }
        return Tick.type
    }
}
