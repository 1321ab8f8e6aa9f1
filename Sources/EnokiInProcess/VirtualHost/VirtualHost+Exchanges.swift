import EnokiBroker

extension VirtualHost {
    /// `exchange.declare`.
    mutating func declare(_ exchange: Exchange) throws(BrokerError) {
        try WireLimits.check(exchange)
        // The default exchange needs no declaration.
        guard !exchange.name.isEmpty else { return }
        if let id = self.exchangeIDs[ByteName(exchange.name)], let current = self.exchanges[id] {
            return try Equivalence.check(exchange, against: current.declaration)
        }
        guard !exchange.name.utf8.starts(with: "amq.".utf8) else { throw .reservedName(exchange.name, of: "exchange") }
        if let alternate = exchange.arguments["alternate-exchange"], alternate.stringValue == nil {
            throw BrokerError(
                .preconditionFailed,
                "PRECONDITION_FAILED - invalid type for arg 'alternate-exchange' in \(AMQPText.exchange(exchange.name)): "
                    + "\(alternate). Expected the name of an exchange."
            )
        }
        guard self.insert(exchange) else {
            throw BrokerError(
                .invalidArgument,
                "COMMAND_INVALID - invalid exchange type '\(exchange.kind)' of exchange '\(exchange.name)'. "
                    + "Use direct, topic, fanout or headers."
            )
        }
    }

    /// `exchange.delete`; one that does not exist is no error.
    mutating func delete(exchange name: String) throws(BrokerError) {
        try WireLimits.check(exchange: name)
        guard !name.isEmpty else { throw .defaultExchange }
        guard !name.utf8.starts(with: "amq.".utf8) else {
            throw BrokerError(
                .accessRefused,
                "ACCESS_REFUSED - deletion of system \(AMQPText.exchange(name)) not allowed. It belongs to the broker."
            )
        }
        guard let id = self.exchangeIDs[ByteName(name)] else { return }
        self.remove(id)
    }

    @discardableResult
    mutating func insert(_ exchange: Exchange) -> Bool {
        guard let record = ExchangeRecord(exchange) else { return false }
        let id = ExchangeID(number: self.nextNumber())
        self.exchangeIDs[ByteName(exchange.name)] = id
        self.exchanges[id] = record
        return true
    }

    private mutating func remove(_ id: ExchangeID) {
        guard let record = self.exchanges.removeValue(forKey: id) else { return }
        self.exchangeIDs[ByteName(record.declaration.name)] = nil
        for bound in record.bindings { self.forget(bound, of: id) }
        self.removeBindings(self.bindingsToExchange.removeValue(forKey: id) ?? [:])
    }

    func requireExchange(_ name: String) throws(BrokerError) -> ExchangeID {
        try WireLimits.check(exchange: name)
        guard let id = self.exchangeIDs[ByteName(name)] else { throw .noExchange(name) }
        return id
    }

    /// Deletes an auto-delete exchange that has just lost a binding and has none left.
    mutating func deleteIfUnbound(_ id: ExchangeID) {
        guard let record = self.exchanges[id], record.declaration.autoDelete, record.bindings.isEmpty else { return }
        self.remove(id)
    }
}
