import Enoki
import EnokiBroker

/// What is on a broker of the queues of some services: those that they declare, and those that an older version of them has left
/// behind.
///
/// A handler that is renamed or removed leaves its queue, which stays bound and fills. It is known by its name, which ends with its
/// service and handler. A queue that goes by itself when nobody consumes it is nobody's orphan.
struct QueueSurvey: Sendable, Hashable {
    /// What is to be said of one queue.
    struct Entry: Sendable, Hashable {
        /// The name.
        var name: String
        /// How it is; `nil` where there is none of that name.
        var state: QueueState?
        /// For one that no entrypoint declares and nobody consumes: the exchanges from which it gets messages.
        var orphanedBy: [String]?
    }

    /// The declared queues in their order, each before its dead letters, and then the orphans by name.
    let entries: [Entry]

    /// Those that no entrypoint declares and nobody consumes.
    var orphans: [Entry] { self.entries.filter { $0.orphanedBy != nil } }

    /// - Parameters:
    ///   - declared: What the services declare.
    ///   - queues: All queues of the virtual host.
    ///   - bindings: All bindings of the virtual host.
    init(of declared: ServiceQueues, queues: [QueueState], bindings: [BindingState]) {
        let states = Dictionary(queues.map { (ByteName($0.name), $0) }) { first, _ in first }
        var entries: [Entry] = []
        for name in declared.names {
            entries.append(Entry(name: name, state: states[ByteName(name)]))
            let letters = RetryTopology.deadLetterQueue(of: name)
            // Mostly there are none, and then no queue.
            if let state = states[ByteName(letters)] { entries.append(Entry(name: letters, state: state)) }
        }
        let known = Set(entries.map { ByteName($0.name) })
        let orphans = queues.filter { queue in
            !known.contains(ByteName(queue.name)) && !queue.goesByItself && queue.consumers ?? 0 == 0
                && declared.services.contains { Self.isHandlersQueue(queue.name, of: $0) }
                && !declared.families.contains { queue.name.utf8.starts(with: $0.utf8) }
                && (!queue.name.hasSuffix(RetryTopology.deadLetterQueue(of: "")) || queue.messages > 0)
        }
        for queue in orphans.sorted(by: { $0.name < $1.name }) {
            let sources = bindings.filter {
                $0.destinationType == "queue" && $0.destination.hasSameBytes(as: queue.name) && !$0.source.isEmpty
            }
            entries.append(Entry(name: queue.name, state: queue, orphanedBy: sources.map(\.source).sorted()))
        }
        self.entries = entries
    }

    /// Whether a queue is named as that of an event handler of `service`: `evt-<source>-<type>--<service>.<handler>`.
    private static func isHandlersQueue(_ name: String, of service: String) -> Bool {
        name.utf8.starts(with: "evt-".utf8) && name.contains("--\(service).")
    }
}

extension QueueSurvey.Entry: CustomStringConvertible {
    /// What is wrong with it, and what to do; empty where all is well.
    var description: String {
        guard let sources = self.orphanedBy else {
            guard let state = self.state else { return "not there yet" }
            return self.name.hasSuffix(RetryTopology.deadLetterQueue(of: "")) || state.consumers ?? 0 > 0
                ? "" : "nobody consumes it"
        }
        if self.name.hasSuffix(RetryTopology.deadLetterQueue(of: "")) {
            return "dead letters of a handler that is gone: `dead-letters list --queue`, then replay or discard them"
        }
        let gets = sources.isEmpty ? "" : ", and it still gets what \(sources.joined(separator: ", ")) has for it"
        return "no handler declares it and nobody consumes it\(gets)"
    }
}
