import EnokiBroker

extension VirtualHost {
    /// `exchange.declare`.
    func declare(_ exchange: Exchange) throws(AMQPException) {
        guard ExchangeRecord.knows(exchange.kind) else {
            let fault = exchange.kind.rawValue.isEmpty ? "invalid" : "unknown"
            throw AMQPException(.commandInvalid, "\(fault) exchange type '\(exchange.kind)'")
        }
        var exchange = exchange
        exchange.name = exchange.name.withoutLineBreaks
        guard !exchange.name.isEmpty else { throw .defaultExchange }
        let part = self.text(exchange: exchange.name)
        if let current = self.exchange(named: exchange.name) {
            return try Equivalence(part: part).check(exchange, against: current.declaration)
        }
        guard !exchange.name.utf8.starts(with: "amq.".utf8) else { throw .reservedName(exchange.name, of: "exchange") }
        if let alternate = exchange.arguments["alternate-exchange"], alternate.stringValue == nil {
            throw AMQPException(
                .preconditionFailed,
                "invalid type '\(alternate.erlangType)' for arg 'alternate-exchange' in \(part)"
            )
        }
        self.insert(exchange)
    }

    /// `exchange.declare` with `passive`: whether there is one.
    func declarePassively(exchange name: String) throws(AMQPException) {
        let name = name.withoutLineBreaks
        guard !name.isEmpty else { throw .defaultExchange }
        _ = try self.requireExchange(name)
    }

    /// `exchange.delete`; one that does not exist is no error.
    func delete(exchange name: String, ifUnused: Bool) throws(AMQPException) {
        guard !name.isEmpty else { throw .defaultExchange }
        guard !name.utf8.starts(with: "amq.".utf8) else {
            throw AMQPException(.accessRefused, "deletion of system \(self.text(exchange: name)) not allowed")
        }
        guard let exchange = self.exchange(named: name) else { return }
        guard !ifUnused || exchange.bindings.isEmpty else {
            throw AMQPException(.preconditionFailed, "\(self.text(exchange: name)) in use")
        }
        self.remove(exchange)
    }

    func exchange(named name: String) -> ExchangeRecord? {
        self.exchangeIDs[ByteName(name)].flatMap { self.exchanges[$0] }
    }

    func requireExchange(_ name: String) throws(AMQPException) -> ExchangeRecord {
        guard let exchange = self.exchange(named: name) else { throw .noExchange(name, in: self) }
        return exchange
    }

    func insert(_ exchange: Exchange) {
        let id = ExchangeID(number: self.nextNumber())
        guard let record = ExchangeRecord(id: id, exchange) else { return }
        self.exchangeIDs[ByteName(exchange.name)] = id
        self.exchanges[id] = record
    }

    func remove(_ exchange: ExchangeRecord) { self.remove([exchange]) }

    /// Deletes exchanges, and with them the auto-delete exchanges that lose their last binding by it, however long the
    /// chain.
    func remove(_ exchanges: [ExchangeRecord]) {
        var pending = exchanges
        while let exchange = pending.popLast() {
            guard self.exchanges.removeValue(forKey: exchange.id) != nil else { continue }
            self.exchangeIDs[ByteName(exchange.declaration.name)] = nil
            for bound in exchange.bindings.keys { self.forget(bound, of: exchange.id) }
            pending += self.unbind(self.bindingsToExchange.removeValue(forKey: exchange.id) ?? [:])
        }
    }
}
