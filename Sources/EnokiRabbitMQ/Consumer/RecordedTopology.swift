import EnokiBroker

/// What was declared and has to be declared again on a new connection.
struct RecordedTopology: Sendable {
    private(set) var topology = Topology()

    /// The methods that declare it all, in order.
    var methods: [Method] { Self.methods(self.topology) }

    /// The methods that declare `topology`: exchanges, then queues, then bindings.
    static func methods(_ topology: Topology) -> [Method] {
        // The default exchange needs no declaration, and RabbitMQ refuses one.
        topology.exchanges.filter { !$0.name.isEmpty }.map { .exchangeDeclare($0) }
            + topology.queues.map { .queueDeclare($0) }
            + topology.bindings.map { .bind($0) }
    }

    /// `method` succeeded.
    mutating func record(_ method: Method) {
        switch method {
        case .exchangeDeclare(let exchange):
            self.topology.exchanges.removeAll { $0.name.hasSameBytes(as: exchange.name) }
            self.topology.exchanges.append(exchange)
        case .queueDeclare(let queue):
            self.topology.queues.removeAll { $0.name.hasSameBytes(as: queue.name) }
            self.topology.queues.append(queue)
        case .bind(let binding):
            if !self.topology.bindings.contains(binding) { self.topology.bindings.append(binding) }
        case .unbind(let binding): self.topology.bindings.removeAll { $0 == binding }
        case .queueDelete(let name):
            self.topology.queues.removeAll { $0.name.hasSameBytes(as: name) }
            self.topology.bindings.removeAll {
                if case .queue(let queue) = $0.destination { queue.hasSameBytes(as: name) } else { false }
            }
        case .exchangeDelete(let name):
            self.topology.exchanges.removeAll { $0.name.hasSameBytes(as: name) }
            self.topology.bindings.removeAll { binding in
                if binding.source.hasSameBytes(as: name) { return true }
                if case .exchange(let exchange) = binding.destination { return exchange.hasSameBytes(as: name) }
                return false
            }
        default: break
        }
    }
}
