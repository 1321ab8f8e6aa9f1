import ChaosLedger
import Configuration
import Enoki
import EnokiBroker
import ServiceLifecycle

/// Answers calls.
///
/// ## Configuration keys
/// `chaos_work`: how long it works on each, in milliseconds; by default not at all.
struct Callee: Microservice {
    static let name = "callee"
    let config = Config()
    let ledger: LedgerKeeper

    init() { self.ledger = LedgerKeeper("callee", self.config) }

    var entrypoints: [any Entrypoint] {
        RPC("double", "producer", "sequence") { @concurrent (producer: Int, sequence: Int) -> Int in
            let id = MessageID(producer: producer, sequence: sequence)
            self.ledger.write(.started, id)
            let work = try self.config.reader.int(forKey: "chaos_work", default: 0)
            if work > 0 { try await ContinuousClock().sleep(for: .milliseconds(work)) }
            self.ledger.write(.done, id)
            return sequence * 2
        }
    }
}

/// Makes the calls of its plan, each once.
///
/// ## Configuration keys
/// `chaos_producer`, `chaos_messages`, `chaos_window` and `chaos_rate` as for ``Source``; `chaos_timeout` (of one call, in
/// milliseconds).
struct Caller: Microservice {
    static let name = "caller"
    let config = Config()
    let ledger: LedgerKeeper
    let callee = RPCProxy("callee")

    init() { self.ledger = LedgerKeeper("caller", self.config) }

    var entrypoints: [any Entrypoint] { Once("call", self.call) }

    func call() async throws {
        let plan = try PublishingPlan(self.config.reader)
        let timeout = try self.config.reader.requiredInt(forKey: "chaos_timeout")
        let callee = self.callee.timeout(.milliseconds(timeout))
        let queue = WorkQueue(count: plan.messages, rate: plan.rate)
        // A plan without an end ends with the process.
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                for _ in 0..<plan.window {
                    group.addTask {
                        while let sequence = await queue.next() {
                            await self.call(callee, MessageID(producer: plan.producer, sequence: sequence))
                        }
                    }
                }
            }
        }
        self.ledger.write(.finished, MessageID(producer: plan.producer, sequence: plan.messages))
    }

    private func call(_ callee: RPCProxy, _ id: MessageID) async {
        self.ledger.write(.called, id)
        do {
            let double: Int = try await callee.double(producer: id.producer, sequence: id.sequence)
            self.ledger.write(.answered, id, detail: double == id.sequence * 2 ? "right" : "wrong")
        } catch {
            self.ledger.write(.refused, id, detail: Self.kind(of: error))
        }
    }

    private static func kind(of error: any Error) -> String {
        switch error {
        case is RPCTimeout: "timeout"
        case is UnknownService: "unknown-service"
        case let error as BrokerError: "\(error.code)"
        case let error: "\(type(of: error))"
        }
    }
}
