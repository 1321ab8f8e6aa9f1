import EnokiBroker

extension VirtualHost {
    /// `queue.bind` and `exchange.bind`; a binding that exists is left as it is.
    func bind(_ binding: Binding, on channel: ChannelRecord) throws(AMQPException) {
        var binding = binding
        if case .queue(let name) = binding.destination { binding.destination = .queue(name.withoutLineBreaks) }
        binding = try self.resolve(binding, on: channel)
        let source = try self.requireExchange(binding.source)
        let destination = try self.requireDestination(binding.destination, by: channel)
        if source.declaration.kind == .headers { try Self.checkMatch(of: binding) }
        let bound = ExchangeRecord.Bound(binding, to: destination)
        guard source.bind(bound, arguments: binding.arguments) else { return }
        switch destination {
        case .queue(let queue): self.queues[queue]?.bindings[source.id, default: []].insert(bound)
        case .exchange(let id): self.bindingsToExchange[id, default: [:]][source.id, default: []].insert(bound)
        }
    }

    /// `queue.unbind` and `exchange.unbind`; what does not exist is no error.
    func unbind(_ binding: Binding, on channel: ChannelRecord) throws(AMQPException) {
        let binding = try self.resolve(binding, on: channel)
        guard
            let source = self.exchange(named: binding.source),
            let destination = self.destination(binding.destination)
        else { return }
        let bound = ExchangeRecord.Bound(binding, to: destination)
        guard source.unbind(bound) else { return }
        self.forget(bound, of: source.id)
        if source.isUnused { self.remove(source) }
    }

    /// Takes the bindings of a destination that is gone out of the exchanges that hold them.
    ///
    /// - Returns: The exchanges that are to go because of it.
    func unbind(_ bindings: [ExchangeID: Set<ExchangeRecord.Bound>]) -> [ExchangeRecord] {
        bindings.compactMap { source, bounds in
            guard let exchange = self.exchanges[source] else { return nil }
            for bound in bounds { _ = exchange.unbind(bound) }
            return exchange.isUnused ? exchange : nil
        }
    }

    /// Takes a binding of exchange `source` out of the index of its destination.
    func forget(_ bound: ExchangeRecord.Bound, of source: ExchangeID) {
        switch bound.destination {
        case .queue(let id):
            self.queues[id]?.bindings[source]?.remove(bound)
            if self.queues[id]?.bindings[source]?.isEmpty == true { self.queues[id]?.bindings[source] = nil }
        case .exchange(let id):
            self.bindingsToExchange[id]?[source]?.remove(bound)
            if self.bindingsToExchange[id]?[source]?.isEmpty == true { self.bindingsToExchange[id]?[source] = nil }
        }
    }

    /// The binding with the name of the queue that was declared last for an empty one, and for an empty key with it.
    private func resolve(_ binding: Binding, on channel: ChannelRecord) throws(AMQPException) -> Binding {
        var binding = binding
        switch binding.destination {
        case .queue(let name):
            let queue = try self.resolve(queue: name, on: channel)
            if name.isEmpty, binding.routingKey.isEmpty { binding.routingKey = queue }
            binding.destination = .queue(queue)
        case .exchange(let name):
            guard !name.isEmpty else { throw .defaultExchange }
        }
        guard !binding.source.isEmpty else { throw .defaultExchange }
        return binding
    }

    private func destination(_ destination: Binding.Destination) -> Destination? {
        switch destination {
        case .queue(let name): self.queueIDs[ByteName(name)].map { .queue($0) }
        case .exchange(let name): self.exchangeIDs[ByteName(name)].map { .exchange($0) }
        }
    }

    private func requireDestination(
        _ destination: Binding.Destination,
        by channel: ChannelRecord
    ) throws(AMQPException) -> Destination {
        switch destination {
        case .queue(let name): .queue(try self.requireQueue(name, on: channel).id)
        case .exchange(let name): .exchange(try self.requireExchange(name).id)
        }
    }

    private static func checkMatch(of binding: Binding) throws(AMQPException) {
        guard let match = binding.arguments["x-match"] else { return }
        guard let mode = match.stringValue else {
            throw AMQPException(
                .preconditionFailed,
                "Invalid x-match field type \(match.erlangType) (value \(match.erlangText)); expected longstr"
            )
        }
        guard !["all", "any", "all-with-x", "any-with-x"].contains(mode) else { return }
        throw AMQPException(
            .preconditionFailed,
            "Invalid x-match field value <<\"\(mode)\">>; expected all, any, all-with-x, or any-with-x"
        )
    }
}

extension ExchangeRecord.Bound {
    fileprivate init(_ binding: Binding, to destination: Destination) {
        self.init(
            destination: destination,
            routingKey: ByteName(binding.routingKey),
            arguments: binding.arguments.sortedByName
        )
    }
}
