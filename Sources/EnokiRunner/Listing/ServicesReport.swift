import Enoki

/// What services have and need, as three tables: entrypoints, queues, exchanges.
struct ServicesReport {
    /// An entrypoint of a service, with the service's process-wide random identifier replaced by a placeholder.
    struct Entry: Hashable {
        let service: String
        let summary: EntrypointSummary
        /// What stands in queue names for an identifier that is new at each start.
        let identifier: String
    }

    private let entries: [Entry]

    /// A report on `containers`, which need not run.
    init(_ containers: [ServiceContainer]) {
        self.init(
            containers.flatMap { container in
                container.entrypoints.map {
                    Entry(service: container.name, summary: $0, identifier: container.identifier)
                }
            }
        )
    }

    /// A report on `entries`.
    init(_ entries: [Entry]) { self.entries = entries }

    /// The tables, one below the other.
    var text: String {
        [self.entrypoints, self.queues, self.exchanges]
            .filter { !$0.rows.isEmpty }
            .map { $0.lines.joined(separator: "\n") }
            .joined(separator: "\n\n")
    }

    private var entrypoints: TextTable {
        var table = TextTable("SERVICE", "ENTRYPOINT", "KIND", "CALLED BY")
        for entry in self.entries {
            table.rows.append([entry.service, entry.summary.name, entry.summary.kind, entry.summary.trigger])
        }
        return table
    }

    private var queues: TextTable {
        var table = TextTable("QUEUE", "FLAGS", "BOUND TO", "ROUTING KEY")
        for entry in self.entries {
            let topology = entry.summary.topology
            for queue in topology.queues {
                let name = queue.name.replacing(entry.identifier, with: "<id>")
                for binding in topology.bindings where binding.destination == .queue(queue.name) {
                    table.append([name, Self.flags(of: queue), binding.source, binding.routingKey])
                }
            }
        }
        return table
    }

    private var exchanges: TextTable {
        var table = TextTable("EXCHANGE", "TYPE", "FLAGS")
        for exchange in self.entries.flatMap(\.summary.topology.exchanges) {
            table.append([exchange.name, exchange.kind.rawValue, Self.flags(of: exchange)])
        }
        return table
    }

    private static func flags(of queue: Queue) -> String {
        Self.list([("durable", queue.durable), ("exclusive", queue.exclusive), ("auto-delete", queue.autoDelete)])
    }

    private static func flags(of exchange: Exchange) -> String {
        Self.list([
            ("durable", exchange.durable), ("auto-delete", exchange.autoDelete), ("internal", exchange.isInternal),
        ])
    }

    private static func list(_ flags: [(name: String, isSet: Bool)]) -> String {
        flags.filter(\.isSet).map(\.name).joined(separator: ", ")
    }
}

extension TextTable {
    /// Adds a row that is not there yet: entrypoints share queues and exchanges.
    fileprivate mutating func append(_ row: [String]) {
        if !self.rows.contains(row) { self.rows.append(row) }
    }
}
