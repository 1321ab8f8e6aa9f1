import EnokiBroker

extension VirtualHost {
    /// `queue.declare`.
    mutating func declare(_ queue: Queue, by connection: ConnectionID) throws(BrokerError) {
        try WireLimits.check(queue)
        let arguments = try QueueArguments(of: queue)
        let owner = queue.exclusive ? connection : nil
        if let id = self.queueIDs[ByteName(queue.name)], let current = self.queues[id] {
            guard current.owner == owner else { throw .locked(queue.name) }
            try Equivalence.check(queue, against: current.declaration)
            return self.renewLease(of: id)
        }
        guard !queue.name.utf8.starts(with: "amq.".utf8) else { throw .reservedName(queue.name, of: "queue") }
        let id = QueueID(number: self.nextNumber())
        self.queueIDs[ByteName(queue.name)] = id
        self.queues[id] = QueueRecord(queue, arguments: arguments, owner: owner, now: self.now)
        if let owner { self.connections[owner]?.exclusiveQueues.insert(id) }
        self.scheduleWake(for: id)
        self.readmitConsumers(to: id)
    }

    /// `queue.declare` with `passive`: the state of a queue.
    mutating func inspect(queue name: String, by connection: ConnectionID) throws(BrokerError) -> QueueStatus {
        let id = try self.requireQueue(name, for: connection)
        self.renewLease(of: id)
        self.dropExpired(in: id)
        let queue = self.queues[id]
        return QueueStatus(
            name: name,
            messageCount: queue?.ready.count ?? 0,
            consumerCount: queue?.consumers.count ?? 0
        )
    }

    /// `queue.purge`.
    mutating func purge(queue name: String, by connection: ConnectionID) throws(BrokerError) -> Int {
        let id = try self.requireQueue(name, for: connection)
        self.dropExpired(in: id)
        let count = self.queues[id]?.ready.count ?? 0
        self.queues[id]?.ready = ReadyMessages()
        return count
    }

    /// `queue.delete`; one that does not exist is no error.
    mutating func delete(queue name: String, by connection: ConnectionID) throws(BrokerError) {
        try WireLimits.check(queue: name)
        guard let id = self.queueIDs[ByteName(name)] else { return }
        try self.checkAccess(to: id, by: connection)
        self.remove(id)
    }

    /// Looks after a queue at the instant that an earlier effect named.
    mutating func wake(_ id: QueueID) {
        guard let wake = self.queues[id]?.nextWake, wake <= self.now else { return }
        self.queues[id]?.nextWake = nil
        if let expiry = self.queues[id]?.expiry, expiry <= self.now {
            self.remove(id)
        } else {
            self.deliver(from: id)
        }
    }

    mutating func remove(_ id: QueueID) {
        guard let queue = self.queues.removeValue(forKey: id) else { return }
        self.queueIDs[ByteName(queue.declaration.name)] = nil
        if let owner = queue.owner { self.connections[owner]?.exclusiveQueues.remove(id) }
        if queue.nextWake != nil { self.effects.wakes.append(Effects.Wake(queue: id, instant: nil)) }
        for consumer in queue.consumers { self.suspendWithoutQueue(consumer) }
        self.removeBindings(queue.bindings)
    }

    func requireQueue(_ name: String, for connection: ConnectionID) throws(BrokerError) -> QueueID {
        try WireLimits.check(queue: name)
        guard let id = self.queueIDs[ByteName(name)] else { throw .noQueue(name) }
        try self.checkAccess(to: id, by: connection)
        return id
    }

    /// Refuses the exclusive queue of another connection.
    func checkAccess(to id: QueueID, by connection: ConnectionID) throws(BrokerError) {
        guard let queue = self.queues[id], let owner = queue.owner, owner != connection else { return }
        throw .locked(queue.declaration.name)
    }

    /// An unused queue that expires was used: its time begins again.
    mutating func renewLease(of id: QueueID) {
        guard self.queues[id]?.expiry != nil else { return }
        self.queues[id]?.unusedSince = self.now
    }

    /// Asks to be woken when the queue, or the message at its head, expires.
    ///
    /// There is at most one wake-up on its way, so neither an idle queue nor one more message costs a timer.
    mutating func scheduleWake(for id: QueueID) {
        guard let queue = self.queues[id] else { return }
        guard let instant = [queue.expiry, queue.ready.first?.expiry].compactMap(\.self).min() else { return }
        if let next = queue.nextWake, next <= instant { return }
        self.queues[id]?.nextWake = instant
        self.effects.wakes.append(Effects.Wake(queue: id, instant: instant))
    }
}
