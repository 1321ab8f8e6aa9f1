import Enoki

/// What services have and declare, as three tables: entrypoints, queues, exchanges.
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
        var table = TextTable("SERVICE", "ENTRYPOINT", "KIND", "CALLED BY", "HANDLING")
        for entry in self.entries {
            let summary = entry.summary
            table.rows.append([entry.service, summary.name, summary.kind, summary.trigger, summary.handling])
        }
        return table
    }

    /// A part of what an entrypoint declares; that of all entrypoints stands before the next.
    private enum Stage: CaseIterable {
        case itself, retries, later

        /// When it is declared.
        var time: String { self == .later ? "when needed" : "at start" }

        func topology(_ summary: EntrypointSummary) -> Topology {
            switch self {
            case .itself: summary.topology
            case .retries: summary.retryTopology
            case .later: summary.laterTopology
            }
        }
    }

    private var queues: TextTable {
        var table = TextTable("QUEUE", "FLAGS", "BOUND TO", "ROUTING KEY", "DECLARED")
        for stage in Stage.allCases {
            for entry in self.entries {
                let summary = entry.summary
                let topology = stage.topology(summary)
                for queue in summary.allQueues {
                    let bindings = topology.bindings.filter { $0.destination == .queue(queue.name) }
                    let places = bindings.map { [$0.source, $0.routingKey] }
                    // A queue of dead letters has no binding but that of every queue, by its name.
                    let isUnbound = places.isEmpty && topology.queues.contains(queue)
                    for place in isUnbound ? [["", ""]] : places {
                        let cells = ([queue.name, Self.flags(of: queue)] + place)
                        table.append(cells.map { $0.replacing(entry.identifier, with: "<id>") } + [stage.time])
                    }
                }
            }
        }
        return table
    }

    private var exchanges: TextTable {
        var table = TextTable("EXCHANGE", "TYPE", "FLAGS", "DECLARED")
        for stage in Stage.allCases {
            for exchange in self.entries.flatMap({ stage.topology($0.summary).exchanges }) {
                table.append([exchange.name, exchange.kind.rawValue, Self.flags(of: exchange), stage.time])
            }
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
    /// Adds a row that is not there yet, be it with another time: entrypoints share queues and exchanges.
    fileprivate mutating func append(_ row: [String]) {
        if !self.rows.contains(where: { $0.dropLast() == row.dropLast() }) { self.rows.append(row) }
    }
}

extension EntrypointSummary {
    /// The queues that it declares at any time.
    fileprivate var allQueues: [Queue] {
        self.topology.merging(self.retryTopology).merging(self.laterTopology).queues
    }
}
