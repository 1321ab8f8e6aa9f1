import ChaosLedger

/// What happened to one message, of all ledgers.
struct MessageHistory: Sendable {
    var sent: [Instant] = []
    var confirmed: [Instant] = []
    var started: [(process: Int32, time: Instant)] = []
    var done: [(process: Int32, time: Instant)] = []
    var cancelled = 0
    var isGarbled = false
}

/// The ledgers of a run, put together.
struct History: Sendable {
    private(set) var messages: [MessageID: MessageHistory] = [:]
    /// The longest time that one publish took.
    private(set) var longestPublish: Duration = .zero
    /// The publishes that took longer than they may.
    private(set) var late: [(message: MessageID, took: Duration)] = []
    /// How often publishing failed, by code.
    private(set) var failures: [String: Int] = [:]

    /// How long one publish of the worker program may take: the five seconds of its own deadline, and three in which its process may stand
    /// still before it writes down what came of it.
    static let publishDeadline = Duration.seconds(8)

    /// - Parameter deadline: How long one publish may take.
    init(_ ledgers: [Ledger], publishDeadline deadline: Duration = History.publishDeadline) {
        for ledger in ledgers {
            var waiting: [MessageID: Instant] = [:]
            for entry in ledger.entries {
                switch entry.act {
                case .sent:
                    waiting[entry.message] = entry.time
                    self.messages[entry.message, default: .init()].sent.append(entry.time)
                case .confirmed, .failed:
                    if let sent = waiting.removeValue(forKey: entry.message) {
                        let took = entry.time - sent
                        self.longestPublish = max(self.longestPublish, took)
                        if took > deadline { self.late.append((entry.message, took)) }
                    }
                    if entry.act == .confirmed {
                        self.messages[entry.message, default: .init()].confirmed.append(entry.time)
                    } else {
                        self.failures[entry.detail, default: 0] += 1
                    }
                case .started:
                    self.messages[entry.message, default: .init()].started.append((ledger.process, entry.time))
                    if entry.detail == "garbled" { self.messages[entry.message, default: .init()].isGarbled = true }
                case .done:
                    self.messages[entry.message, default: .init()].done.append((ledger.process, entry.time))
                case .cancelled:
                    self.messages[entry.message, default: .init()].cancelled += 1
                case .called, .answered, .refused, .finished:
                    break
                }
            }
        }
    }
}
