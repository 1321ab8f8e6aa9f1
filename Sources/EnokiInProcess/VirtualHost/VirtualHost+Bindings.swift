import EnokiBroker

extension VirtualHost {
    /// `queue.bind` and `exchange.bind`; a binding that exists is left as it is.
    mutating func bind(_ binding: Binding, by connection: ConnectionID) throws(BrokerError) {
        try WireLimits.check(binding)
        guard !binding.source.isEmpty else { throw .defaultExchange }
        let destination = try self.requireDestination(binding.destination, for: connection)
        let source = try self.requireExchange(binding.source)
        if self.exchanges[source]?.declaration.kind == .headers { try Self.checkMatch(of: binding) }
        let bound = ExchangeRecord.Bound(binding, to: destination)
        guard self.exchanges[source]?.bind(bound) == true else { return }
        switch destination {
        case .queue(let queue): self.queues[queue]?.bindings[source, default: []].insert(bound)
        case .exchange(let exchange): self.bindingsToExchange[exchange, default: [:]][source, default: []].insert(bound)
        }
    }

    /// `queue.unbind` and `exchange.unbind`; what does not exist is no error.
    mutating func unbind(_ binding: Binding, by connection: ConnectionID) throws(BrokerError) {
        try WireLimits.check(binding)
        guard !binding.source.isEmpty else { throw .defaultExchange }
        guard
            let destination = try self.destination(binding.destination, for: connection),
            let source = self.exchangeIDs[ByteName(binding.source)]
        else { return }
        let bound = ExchangeRecord.Bound(binding, to: destination)
        guard self.exchanges[source]?.unbind(bound) == true else { return }
        self.forget(bound, of: source)
        self.deleteIfUnbound(source)
    }

    /// Takes the bindings of a destination that is gone out of the exchanges that hold them.
    mutating func removeBindings(_ bindings: [ExchangeID: Set<ExchangeRecord.Bound>]) {
        for (source, bounds) in bindings {
            for bound in bounds { _ = self.exchanges[source]?.unbind(bound) }
            self.deleteIfUnbound(source)
        }
    }

    /// Takes a binding of exchange `source` out of the index of its destination.
    mutating func forget(_ bound: ExchangeRecord.Bound, of source: ExchangeID) {
        switch bound.destination {
        case .queue(let id):
            self.queues[id]?.bindings[source]?.remove(bound)
            if self.queues[id]?.bindings[source]?.isEmpty == true { self.queues[id]?.bindings[source] = nil }
        case .exchange(let id):
            self.bindingsToExchange[id]?[source]?.remove(bound)
            if self.bindingsToExchange[id]?[source]?.isEmpty == true { self.bindingsToExchange[id]?[source] = nil }
        }
    }

    private func requireDestination(
        _ destination: Binding.Destination,
        for connection: ConnectionID
    ) throws(BrokerError) -> Destination {
        if let found = try self.destination(destination, for: connection) { return found }
        switch destination {
        case .queue(let name): throw .noQueue(name)
        case .exchange(let name): throw name.isEmpty ? .defaultExchange : .noExchange(name)
        }
    }

    private func destination(
        _ destination: Binding.Destination,
        for connection: ConnectionID
    ) throws(BrokerError) -> Destination? {
        switch destination {
        case .queue(let name):
            guard let id = self.queueIDs[ByteName(name)] else { return nil }
            try self.checkAccess(to: id, by: connection)
            return .queue(id)
        case .exchange(let name):
            return self.exchangeIDs[ByteName(name)].map { .exchange($0) }
        }
    }

    private static func checkMatch(of binding: Binding) throws(BrokerError) {
        guard let match = binding.arguments["x-match"] else { return }
        let known = ["all", "any", "all-with-x", "any-with-x"]
        guard match.stringValue.map(known.contains) != true else { return }
        throw BrokerError(
            .preconditionFailed,
            "PRECONDITION_FAILED - Invalid x-match field value \(match); expected "
                + known.joined(separator: ", ") + "."
        )
    }
}

extension ExchangeRecord.Bound {
    fileprivate init(_ binding: Binding, to destination: Destination) {
        self.init(
            destination: destination,
            routingKey: ByteName(binding.routingKey),
            arguments: binding.arguments
        )
    }
}
