import Enoki
import EnokiInProcess

/// What has happened in a cluster, in words: the second half of what a failing wait says.
struct ClusterReport: CustomStringConvertible {
    /// A queue with messages, as far as the broker shows them.
    struct QueueState {
        var name: String
        var ready: Int
        /// `nil` where the broker does not tell.
        var unsettled: Int?
        var consumers: Int
        var first: [Message] = []
    }

    var entries: [CallRecorder.Entry]
    var running: [CallRecorder.RunningCall]
    var queues: [QueueState] = []
    var unroutable: [BrokerSnapshot.Unroutable] = []
    var deadLetters: [BrokerSnapshot.DeadLetter] = []
    /// What the fault plan has made go wrong.
    var faults: [Fault] = []
    var seed: UInt64?
    let codecs: Codecs

    /// How many calls are listed, the latest ones.
    private static let maximumEntries = 50
    /// How many messages of a queue are shown.
    static let maximumBodies = 3
    /// How many messages that got lost or died are listed, the latest ones.
    private static let maximumMessages = 10

    var description: String {
        [self.ended, self.stillRunning, self.inQueues, self.dead, self.notRouted, self.broken, self.order]
            .flatMap(\.self).joined(separator: "\n")
    }

    private var ended: [String] {
        guard !self.entries.isEmpty else { return ["no call has ended"] }
        let skipped = max(0, self.entries.count - Self.maximumEntries)
        return ["calls that have ended, in order:"]
            + (skipped > 0 ? ["  … \(skipped) before these"] : [])
            + self.entries.enumerated().dropFirst(skipped).map { index, entry in
                switch entry {
                case .ended(let call): "  \(index + 1). \(call)"
                case .refused(let service, let entrypoint, let instance, let error):
                    "  \(index + 1). \(service).\(entrypoint) on instance \(instance) was not called: \(describe(error))"
                }
            }
    }

    private var stillRunning: [String] {
        guard !self.running.isEmpty else { return [] }
        return ["calls that are still running:"]
            + self.running.map { call in
                "  \(call.context.service).\(call.context.entrypoint) on instance \(call.instance) (\(call.context.callID))"
            }
    }

    private var inQueues: [String] {
        guard !self.queues.isEmpty else { return [] }
        return ["queues that are not empty:"]
            + self.queues.flatMap { queue in
                let unsettled = queue.unsettled.map { ", \($0) unsettled" } ?? ""
                let consumers = queue.consumers == 1 ? "1 consumer" : "\(queue.consumers) consumers"
                let hidden = queue.first.isEmpty ? 0 : queue.ready - queue.first.count
                return ["  \(queue.name): \(queue.ready) ready\(unsettled), \(consumers)"]
                    + queue.first.map { "    \(ReportedBody($0, self.codecs))" }
                    + (hidden > 0 ? ["    … \(hidden) more"] : [])
            }
    }

    private var notRouted: [String] {
        guard !self.unroutable.isEmpty else { return [] }
        return ["messages that reached no queue:"]
            + Self.latest(self.unroutable) { unroutable in
                let exchange = unroutable.exchange.isEmpty ? "the default exchange" : unroutable.exchange
                let fate = unroutable.returned ? "returned" : "dropped"
                let body = ReportedBody(unroutable.message, self.codecs)
                return "  \(exchange) \"\(unroutable.routingKey)\", \(fate): \(body)"
            }
    }

    private var dead: [String] {
        guard !self.deadLetters.isEmpty else { return [] }
        return ["messages that were dead-lettered:"]
            + Self.latest(self.deadLetters) { letter in
                let fate = letter.destinations.isEmpty ? "lost" : "to \(letter.destinations.joined(separator: ", "))"
                return "  \(letter.queue), \(letter.reason), \(fate): \(ReportedBody(letter.message, self.codecs))"
            }
    }

    private static func latest<Element>(_ elements: [Element], _ line: (Element) -> String) -> [String] {
        let skipped = max(0, elements.count - Self.maximumMessages)
        return (skipped > 0 ? ["  … \(skipped) before these"] : []) + elements.dropFirst(skipped).map(line)
    }

    private var broken: [String] {
        guard !self.faults.isEmpty else { return [] }
        return ["the faults of this run: withServices(…, faults: \(self.faults))"]
    }

    private var order: [String] { self.seed.map { ["the order of this run: withServices(…, seed: \($0))"] } ?? [] }
}
