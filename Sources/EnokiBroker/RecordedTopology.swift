import OrderedCollections

/// What was declared by a connection, and has to be declared again on the next.
package struct RecordedTopology: Sendable {
    private var exchanges: OrderedDictionary<ByteName, Exchange> = [:]
    private var queues: OrderedDictionary<ByteName, Queue> = [:]
    private var bindings: OrderedSet<Binding> = []

    package init() {}

    /// What there should be.
    package var topology: Topology {
        Topology(
            exchanges: Array(self.exchanges.values),
            queues: Array(self.queues.values),
            bindings: Array(self.bindings)
        )
    }

    /// Whether an exchange of that name was declared, and not deleted since.
    package func holds(exchange name: String) -> Bool { self.exchanges[ByteName(name)] != nil }

    /// Whether a queue of that name was declared, and not deleted since.
    package func holds(queue name: String) -> Bool { self.queues[ByteName(name)] != nil }

    /// Whether a binding was made, and not removed since.
    package func holds(_ binding: Binding) -> Bool { self.bindings.contains(binding) }

    /// What was declared.
    package mutating func record(_ topology: Topology) {
        for exchange in topology.exchanges { self.record(exchange) }
        for queue in topology.queues { self.record(queue) }
        for binding in topology.bindings { self.record(binding) }
    }

    /// An exchange was declared.
    package mutating func record(_ exchange: Exchange) { self.exchanges[ByteName(exchange.name)] = exchange }

    /// A queue was declared.
    package mutating func record(_ queue: Queue) { self.queues[ByteName(queue.name)] = queue }

    /// A binding was made.
    package mutating func record(_ binding: Binding) { self.bindings.append(binding) }

    /// A binding was removed.
    package mutating func remove(_ binding: Binding) { self.bindings.remove(binding) }

    /// A queue was deleted, and its bindings with it.
    package mutating func remove(queue name: String) {
        self.queues[ByteName(name)] = nil
        self.bindings.removeAll { binding in
            if case .queue(let queue) = binding.destination { queue.hasSameBytes(as: name) } else { false }
        }
    }

    /// An exchange was deleted, and its bindings with it.
    package mutating func remove(exchange name: String) {
        self.exchanges[ByteName(name)] = nil
        self.bindings.removeAll { binding in
            if binding.source.hasSameBytes(as: name) { return true }
            if case .exchange(let exchange) = binding.destination { return exchange.hasSameBytes(as: name) }
            return false
        }
    }
}

extension Topology {
    /// Its parts in the order in which they are declared, each a topology of its own.
    package var parts: [Topology] {
        self.exchanges.map { Topology(exchanges: [$0]) } + self.queues.map { Topology(queues: [$0]) }
            + self.bindings.map { Topology(bindings: [$0]) }
    }
}
