/// Exchanges, queues and the bindings between them: what must exist before messages flow.
public struct Topology: Sendable, Hashable {
    /// The exchanges, declared first.
    public var exchanges: [Exchange]
    /// The queues, declared second.
    public var queues: [Queue]
    /// The bindings, made last.
    public var bindings: [Binding]

    /// A topology of the given parts.
    public init(exchanges: [Exchange] = [], queues: [Queue] = [], bindings: [Binding] = []) {
        self.exchanges = exchanges
        self.queues = queues
        self.bindings = bindings
    }

    /// Adds what `other` has and this one has not.
    public mutating func merge(_ other: Topology) {
        for exchange in other.exchanges where !self.exchanges.contains(exchange) { self.exchanges.append(exchange) }
        for queue in other.queues where !self.queues.contains(queue) { self.queues.append(queue) }
        for binding in other.bindings where !self.bindings.contains(binding) { self.bindings.append(binding) }
    }

    /// This topology with what `other` adds.
    public func merging(_ other: Topology) -> Topology {
        var merged = self
        merged.merge(other)
        return merged
    }
}
