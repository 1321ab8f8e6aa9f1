import EnokiBroker

extension RecordedTopology {
    /// The methods that declare it all, in order.
    var methods: [Method] { Self.methods(self.topology) }

    /// The methods that declare `topology`: exchanges, then queues, then bindings.
    static func methods(_ topology: Topology) -> [Method] {
        // The default exchange needs no declaration, and RabbitMQ refuses one.
        topology.exchanges.filter { !$0.name.isEmpty }.map { .exchangeDeclare($0) }
            + topology.queues.map { .queueDeclare($0) }
            + topology.bindings.map { .bind($0) }
    }

    /// Whether what `method` declares is recorded.
    func holds(_ method: Method) -> Bool {
        switch method {
        case .exchangeDeclare(let exchange): self.holds(exchange: exchange.name)
        case .queueDeclare(let queue): self.holds(queue: queue.name)
        case .bind(let binding): self.holds(binding)
        default: false
        }
    }

    /// `method` succeeded.
    mutating func record(_ method: Method) {
        switch method {
        case .exchangeDeclare(let exchange): self.record(exchange)
        case .queueDeclare(let queue): self.record(queue)
        case .bind(let binding): self.record(binding)
        case .unbind(let binding): self.remove(binding)
        case .queueDelete(let name): self.remove(queue: name)
        case .exchangeDelete(let name): self.remove(exchange: name)
        default: break
        }
    }
}
