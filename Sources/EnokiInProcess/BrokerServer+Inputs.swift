import EnokiBroker

extension BrokerServer {
    /// Gives the virtual host an input and sees to what follows from it.
    private func perform<Output, Failure: Error>(
        _ input: (inout State) throws(Failure) -> Output
    ) throws(Failure) -> Output {
        let now = self.timers.now
        let (result, hasDeliveries) = self.state.withLock { state in
            state.virtualHost.advance(to: now)
            let result = Result { () throws(Failure) in try input(&state) }
            let effects = state.virtualHost.takeEffects()
            for handover in effects.handovers { state.outbox.append(handover) }
            for wake in effects.wakes { self.schedule(wake, in: &state) }
            return (result, !effects.handovers.isEmpty)
        }
        if hasDeliveries { self.wakeUp.signal() }
        return try result.get()
    }

    private func schedule(_ wake: Effects.Wake, in state: inout State) {
        if let former = state.timers.removeValue(forKey: wake.queue) { self.timers.cancel(former) }
        guard let instant = wake.instant else { return }
        state.timers[wake.queue] = self.timers.schedule(at: instant) { [weak self] in
            self?.perform { state in
                state.timers[wake.queue] = nil
                state.virtualHost.wake(wake.queue)
            }
        }
    }

    /// Gives the virtual host an input of an open connection.
    func perform<Output>(
        by connection: ConnectionID,
        _ input: (inout VirtualHost) throws(BrokerError) -> Output
    ) throws(BrokerError) -> Output {
        try self.perform { (state: inout State) throws(BrokerError) -> Output in
            try state.requireOpen(connection)
            return try input(&state.virtualHost)
        }
    }

    func connect(_ status: BrokerStatusBoard) -> ConnectionID {
        self.perform { state in
            let id = state.virtualHost.openConnection()
            if state.isClosed {
                state.virtualHost.close(id)
            } else {
                state.statuses[id] = status
            }
            return id
        }
    }

    func consume(
        _ queue: String,
        options: ConsumerOptions,
        by connection: ConnectionID,
        handler: @escaping @Sendable (Delivery) -> Void
    ) throws(BrokerError) -> ConsumerID {
        try self.perform { (state: inout State) throws(BrokerError) -> ConsumerID in
            try state.requireOpen(connection)
            let id = try state.virtualHost.consume(queue, options: options, by: connection)
            state.handlers[id] = handler
            return id
        }
    }

    func settle(_ handover: Effects.Handover, with acknowledgement: Acknowledgement) {
        self.perform { $0.virtualHost.settle(handover.tag, of: handover.consumer, with: acknowledgement) }
    }

    func isOpen(_ connection: ConnectionID) -> Bool {
        self.state.withLock { $0.virtualHost.connections[connection] != nil }
    }

    func isActive(_ consumer: ConsumerID) -> Bool { self.state.withLock { $0.virtualHost.isActive(consumer) } }

    /// Cancels a consumer; returns when it is not being called and will not be.
    func cancel(_ consumer: ConsumerID) async {
        await self.perform(waitingFor: [consumer]) { $0.cancel(consumer) }
    }

    /// Cancels a consumer and gives back what it has not settled.
    func close(_ consumer: ConsumerID) async {
        await self.perform(waitingFor: [consumer]) { state in
            let handler = state.cancel(consumer)
            state.virtualHost.close([consumer])
            return handler
        }
    }

    /// Closes a connection, with its consumers and its exclusive queues.
    func close(_ connection: ConnectionID) async {
        let consumers = self.state.withLock { $0.virtualHost.connections[connection]?.consumers ?? [] }
        await self.perform(waitingFor: consumers) { state in
            let present = state.virtualHost.connections[connection]?.consumers ?? []
            let handlers = present.sorted().map { state.cancel($0) }
            state.virtualHost.close(connection)
            return handlers
        }
        self.state.withLock { $0.statuses.removeValue(forKey: connection) }?.update(.closed)
    }

    /// Performs `input`, releases what it returns outside the lock, and waits if one of `consumers` is being called.
    private func perform<Released>(
        waitingFor consumers: Set<ConsumerID>,
        _ input: (inout State) -> Released
    ) async {
        _ = self.perform(input)
        await withCheckedContinuation { continuation in
            let mustWait = self.state.withLock { state in
                guard let running = state.outbox.running, consumers.contains(running) else { return false }
                state.waiters[running, default: []].append(continuation)
                return true
            }
            if !mustWait { continuation.resume() }
        }
    }
}

extension BrokerServer.State {
    fileprivate func requireOpen(_ connection: ConnectionID) throws(BrokerError) {
        guard !self.isClosed else { throw .brokerClosed }
        guard self.virtualHost.connections[connection] != nil else { throw .connectionClosed }
    }

    /// - Returns: The consumer's handler, to be released outside the lock.
    @discardableResult
    fileprivate mutating func cancel(_ consumer: ConsumerID) -> (@Sendable (Delivery) -> Void)? {
        self.virtualHost.cancel(consumer, undelivered: self.outbox.withdraw(from: consumer))
        return self.handlers.removeValue(forKey: consumer)
    }
}

extension BrokerError {
    static var brokerClosed: BrokerError {
        BrokerError(.closed, "The in-process broker is closed: its run() has returned. Make a new one.")
    }

    static var connectionClosed: BrokerError {
        BrokerError(.closed, "The connection to the in-process broker is closed. Make a new one with connect(name:).")
    }
}
