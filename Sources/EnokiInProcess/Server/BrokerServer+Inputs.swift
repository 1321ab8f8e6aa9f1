import EnokiBroker

extension BrokerServer {
    /// Gives the virtual host an input and sees to what follows from it.
    @discardableResult
    func perform<Output, Failure: Error>(
        _ input: (inout State) throws(Failure) -> Output
    ) throws(Failure) -> Output {
        let now = self.timers.now
        let (result, toSend, toCall, toWake) = self.state.withLock { state in
            state.virtualHost.advance(to: now)
            let result = Result { () throws(Failure) in try input(&state) }
            let effects = state.virtualHost.takeEffects()
            var toCall: [@Sendable () -> Void] = []
            var toWake: [any EventSink] = []
            for (channel, event) in effects.events {
                if state.usesSinks, let sink = state.handlers[channel]?.sink {
                    if sink.append(event, of: channel) { toWake.append(sink) }
                    continue
                }
                if !state.isShuffled, let completions = state.confirmations[channel]?.completions(of: event) {
                    toCall += completions
                    continue
                }
                if case .closed(let reason) = event {
                    toCall += state.confirmations[channel]?.takeAll(because: reason) ?? []
                    state.confirmations[channel] = nil
                }
                state.outbox.append(.event(event), for: channel)
            }
            for wake in effects.wakes { self.schedule(wake, in: &state) }
            for queue in effects.declaredQueues { toCall += state.queueWatchers.removeValue(forKey: queue) ?? [] }
            toCall += state.afterwards
            state.afterwards = []
            return (result, !state.outbox.isEmpty, toCall, toWake)
        }
        if toSend { self.wakeUp.signal() }
        for sink in toWake { sink.wake() }
        for call in toCall { self.calls.call(call) }
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

    /// Gives the virtual host a method of an open channel.
    ///
    /// - Throws: ``AMQPException``, by which the channel, or its connection, is closed already.
    func perform<Output>(
        _ method: AMQPMethod,
        on id: ChannelID,
        _ input: (VirtualHost, ChannelRecord) throws(AMQPException) -> Output
    ) throws(AMQPException) -> Output {
        try self.perform { (state: inout State) throws(AMQPException) -> Output in
            guard let channel = state.virtualHost.channels[id] else { throw .channelClosed(during: method) }
            do throws(AMQPException) {
                let output = try self.withFaults(of: method, on: channel, in: &state) {
                    (state) throws(AMQPException) in try input(state.virtualHost, channel)
                }
                if method.isAnswered { state.placeAnswer(to: method, on: channel) }
                return output
            } catch {
                var error = error
                // What is not the client's mistake names no method.
                if error.code != .connectionForced, error.code != .internalError { error.method = method }
                state.virtualHost.close(channel)
                if error.code.closesConnection {
                    state.virtualHost.close(channel.connection.id, because: error)
                } else {
                    state.placeAnswer(to: nil, on: channel)
                }
                throw error
            }
        }
    }

    /// Closes a channel; what it is sent ends with the place of the answer.
    func closeInOrder(_ id: ChannelID) throws(AMQPException) {
        try self.perform(.channelClose, on: id) { (host, channel) in host.close(channel) }
    }

    /// Deliveries of a paced channel have gone out.
    func noteSent(_ count: Int, on id: ChannelID) {
        self.perform { state in
            guard let channel = state.virtualHost.channels[id] else { return }
            state.virtualHost.noteSent(count, on: channel)
        }
    }

    /// Publishes on a channel that confirms, and tells `completion` once what became of it.
    ///
    /// - Throws: ``AMQPException`` where the broker has not taken it; `completion` is not called then.
    func publish(
        _ publish: Publish,
        on id: ChannelID,
        completion: @escaping @Sendable (Publish.Outcome) -> Void
    ) throws(AMQPException) {
        let unconfirmed = try self.perform { (state: inout State) throws(AMQPException) -> UInt64? in
            guard let channel = state.virtualHost.channels[id] else { throw .channelClosed(during: .basicPublish) }
            do throws(AMQPException) {
                return try self.withFaults(of: .basicPublish, on: channel, in: &state) {
                    (state) throws(AMQPException) in
                    // RabbitMQ would close the channel over an error, and the client open another: it makes no difference.
                    let sequence = try state.virtualHost.publish(
                        publish.message,
                        exchange: publish.exchange,
                        routingKey: publish.routingKey,
                        mandatory: publish.mandatory,
                        on: channel
                    )
                    if let sequence {
                        state.confirmations[id, default: PublishConfirmations()].wait(for: sequence, completion)
                    }
                    return sequence
                }
            } catch {
                guard error.code == .connectionForced else { throw error }
                // It was on its way: who published cannot know that it did not arrive.
                state.afterwards.append { completion(.lost(error)) }
                return nil
            }
        }
        if let unconfirmed { self.limitWait(for: unconfirmed, of: publish, on: id) }
    }

    /// A confirm that has not come with the publish itself is waited for as long as who published wants to.
    private func limitWait(for sequence: UInt64, of publish: Publish, on id: ChannelID) {
        guard self.state.withLock({ $0.confirmations[id]?.isWaiting(for: sequence) ?? false }) else { return }
        let timeout = publish.timeout
        let timer = self.timers.schedule(at: publish.deadline) { [weak self] in
            guard let self else { return }
            let completion = self.state.withLock {
                $0.confirmations[id]?.giveUp(sequence, .confirmLate(after: timeout))
            }
            if let completion { self.calls.call(completion) }
        }
        let timers = self.timers
        let isKept = self.state.withLock {
            $0.confirmations[id]?.keep({ timers.cancel(timer) }, for: sequence) ?? false
        }
        // It has come meanwhile.
        if !isKept { timers.cancel(timer) }
    }

    // MARK: - Connections

    /// - Parameter sink: Is told when the broker has closed the connection, with the reason.
    /// - Returns: `nil` when the broker is closed or down.
    func connect(name: String, user: String, sink: (any EventSink)?) -> ConnectionID? {
        self.perform { state in
            guard !state.isClosed, !state.isDown else { return nil }
            let connection = state.virtualHost.openConnection(name: name, user: user, isWatched: sink != nil)
            if let sink, let control = connection.control {
                state.handlers.add(EventHandler(connection: connection.id, channel: control, sink: sink), of: control)
            }
            return connection.id
        }
    }

    func openChannel(
        on id: ConnectionID,
        handler: @escaping @Sendable (ServerChannel, ChannelEvent) -> Void
    ) throws(AMQPException) -> ServerChannel {
        try self.openChannel(on: id, isPaced: false) { channel in
            // What is kept there must not keep the broker.
            EventHandler(connection: id) { [weak self] event in
                if let self { handler(ServerChannel(id: channel, server: self), event) }
            }
        }
    }

    func openChannel(on id: ConnectionID, to sink: any EventSink) throws(AMQPException) -> ServerChannel {
        try self.openChannel(on: id, isPaced: true) { channel in
            EventHandler(connection: id, channel: channel, sink: sink)
        }
    }

    private func openChannel(
        on id: ConnectionID,
        isPaced: Bool,
        handler: (ChannelID) -> EventHandler
    ) throws(AMQPException) -> ServerChannel {
        try self.perform { (state: inout State) throws(AMQPException) -> ServerChannel in
            guard let connection = state.virtualHost.connections[id], !state.isClosing.contains(id) else {
                throw .connectionClosed
            }
            let channel = state.virtualHost.openChannel(on: connection, isPaced: isPaced)
            state.handlers.add(handler(channel), of: channel)
            return ServerChannel(id: channel, server: self)
        }
    }

    func isOpen(_ connection: ConnectionID) -> Bool {
        self.state.withLock { $0.virtualHost.connections[connection] != nil }
    }

    func isOpen(_ channel: ChannelID) -> Bool { self.state.withLock { $0.virtualHost.channels[channel] != nil } }

    /// Does something on a channel that nobody else has, and closes it.
    func withChannel<Output>(
        of connection: ServerConnection,
        _ body: (ServerChannel) throws(AMQPException) -> Output
    ) throws(AMQPException) -> Output {
        let channel = try connection.openChannel()
        defer { channel.abandon() }
        return try body(channel)
    }

    /// Whether there is a queue of that name.
    func hasQueue(named name: String) -> Bool {
        self.state.withLock { $0.virtualHost.queue(named: name) != nil }
    }

    /// Calls `watcher` once, when there is a queue of that name: now, or when it is declared.
    func whenThere(_ queue: String, _ watcher: @escaping @Sendable () -> Void) {
        let isThere = self.state.withLock { state in
            guard state.virtualHost.queue(named: queue) == nil else { return true }
            state.queueWatchers[ByteName(queue), default: []].append(watcher)
            return false
        }
        if isThere { watcher() }
    }

    /// Cancels a consumer. What was on its way and never reached it goes back to its queue; what nobody could give back, since
    /// it needs no acknowledgement, is still delivered.
    ///
    /// Returns when the channel is not being called for it any more.
    func cancel(consumer tag: String, on id: ChannelID) async {
        let mustFlush = self.perform { state in
            guard let channel = state.virtualHost.channels[id] else { return false }
            let withdrawn = state.outbox.withdrawDeliveries(to: tag, on: id) { channel.delivery($0) != nil }
            state.virtualHost.cancel(tag, on: channel)
            let undelivered = withdrawn.flatMap { (try? channel.take($0, multiple: false)) ?? [] }
            state.virtualHost.settle(undelivered, as: .requeue, on: channel)
            return state.isRunning && state.outbox.hasItems(for: id)
        }
        if mustFlush { await self.flush(id) }
        await self.waitWhileCalling([id])
    }

    /// Closes a channel. It is not called any more, but for a call that it is in.
    func abandon(_ id: ChannelID) {
        self.discard([id]) { state in
            if let channel = state.virtualHost.channels[id] { state.virtualHost.close(channel) }
        }
    }

    /// Closes a channel. Returns when it is not being called and will not be.
    func close(_ id: ChannelID) async {
        self.abandon(id)
        await self.waitWhileCalling([id])
    }

    /// Closes a connection. Returns when none of its channels is being called.
    func close(_ id: ConnectionID) async { await self.waitWhileCalling(self.abandon(id)) }

    /// Closes a connection. Its channels are not called any more, but for a call that one is in.
    ///
    /// - Returns: Its channels.
    @discardableResult
    func abandon(_ id: ConnectionID) -> [ChannelID] {
        // Those too that the broker has closed already, and that have not heard of it.
        let channels = self.state.withLock { state in
            state.isClosing.insert(id)
            return state.handlers.channels(of: id)
        }
        self.discard(channels) { state in
            state.virtualHost.close(id)
            state.isClosing.remove(id)
        }
        return channels
    }

    /// Returns when all that the channel has been sent so far has been got.
    func flush(_ id: ChannelID) async {
        await withCheckedContinuation { continuation in
            let isClosed = self.state.withLock { state in
                guard !state.isClosed, state.handlers[id] != nil else { return true }
                state.outbox.append(.barrier(continuation), for: id)
                return false
            }
            if isClosed { continuation.resume() } else { self.wakeUp.signal() }
        }
    }

    /// Performs `input`, which ends channels, and lets go of their handlers outside the lock.
    private func discard(_ channels: [ChannelID], _ input: (inout State) -> Void) {
        let (items, completions, handlers) = self.perform { state in
            input(&state)
            let items = channels.flatMap { state.outbox.removeAll(for: $0) }
            let completions = channels.flatMap { id in
                defer { state.confirmations[id] = nil }
                return state.confirmations[id]?.takeAll(because: .connectionClosed) ?? []
            }
            return (items, completions, channels.map { state.handlers.remove(of: $0) })
        }
        for case .barrier(let continuation) in items { continuation.resume() }
        for completion in completions { self.calls.call(completion) }
        withExtendedLifetime(handlers) {}
    }

    private func waitWhileCalling(_ channels: [ChannelID]) async {
        await withCheckedContinuation { continuation in
            let mustWait = self.state.withLock { state in
                guard let running = state.outbox.running, channels.contains(running) else { return false }
                state.waiters[running, default: []].append(continuation)
                return true
            }
            if !mustWait { continuation.resume() }
        }
    }
}

extension BrokerServer.State {
    /// Makes room for an answer among what a channel is sent, where it wants its answers there.
    ///
    /// - Parameter method: What is answered; `nil` where the answer is the end of the channel.
    fileprivate func placeAnswer(to method: AMQPMethod?, on channel: ChannelRecord) {
        guard self.handlers[channel.id]?.sink != nil else { return }
        // Nobody hears an answer on a connection that was lost over the method.
        guard self.virtualHost.connections[channel.connection.id] != nil else { return }
        // The broker answers before it delivers; but what a commit returns comes before its answer.
        let isLast = method == nil || method == .txCommit
        let events = self.virtualHost.effects.events
        self.virtualHost.effects.events.insert((channel.id, .answer), at: isLast ? events.endIndex : 0)
    }
}

extension AMQPException {
    static func channelClosed(during method: AMQPMethod) -> Self {
        AMQPException(.channelError, "the channel is closed", method: method)
    }

    static var connectionClosed: Self { AMQPException(.connectionForced, "the connection is closed") }
}
