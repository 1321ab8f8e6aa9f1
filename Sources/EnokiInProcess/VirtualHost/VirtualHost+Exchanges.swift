import EnokiBroker

extension VirtualHost {
    /// `exchange.declare`.
    mutating func declare(_ exchange: Exchange) throws(BrokerError) {
        try Self.checkLength(of: exchange.name, as: "name of an exchange")
        guard !exchange.name.isEmpty else { throw .defaultExchange }
        if let id = self.exchangeIDs[ByteName(exchange.name)], let current = self.exchanges[id] {
            return try Equivalence.check(exchange, against: current.declaration)
        }
        guard !exchange.name.utf8.starts(with: "amq.".utf8) else { throw .reservedName(exchange.name, of: "exchange") }
        guard self.insert(exchange) else {
            throw BrokerError(
                .invalidArgument,
                "COMMAND_INVALID - unknown exchange type '\(exchange.kind)' of exchange '\(exchange.name)'. "
                    + "Use direct, topic, fanout or headers."
            )
        }
    }

    /// `exchange.delete`; one that does not exist is no error.
    mutating func delete(exchange name: String) throws(BrokerError) {
        guard !name.isEmpty else { throw .defaultExchange }
        guard let id = self.exchangeIDs[ByteName(name)] else { return }
        guard !name.utf8.starts(with: "amq.".utf8) else { throw .reservedName(name, of: "exchange") }
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
        guard let id = self.exchangeIDs[ByteName(name)] else { throw .noExchange(name) }
        return id
    }

    /// Deletes an auto-delete exchange that has just lost a binding and has none left.
    mutating func deleteIfUnbound(_ id: ExchangeID) {
        guard let record = self.exchanges[id], record.declaration.autoDelete, record.bindings.isEmpty else { return }
        self.remove(id)
    }
}
