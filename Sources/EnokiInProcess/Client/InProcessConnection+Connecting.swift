import DequeModule
import EnokiBroker
import Logging

/// How a connection comes back: a new session with all that the last one had, and then the answers to those who wait.
extension InProcessConnection {
    /// Connects, now or when the broker is there again, and brings back what the last connection had.
    func connect() {
        while !self.tryToConnect() {}
    }

    /// - Returns: Whether that is all for now: it is connected or closed, or the broker is down and will say when it is not.
    private func tryToConnect() -> Bool {
        self.sendUnconfirmedAgain()
        do throws(AMQPException) {
            let session = try Session(to: self.server, name: self.name) { [weak self] connection, reason in
                self?.lose(connection, because: reason)
            }
            let consumers = self.consumers
            let lost = consumers.filter { !$0.isQueueThere }
            self.restoreTopology(on: session)
            for consumer in lost { consumer.tellQueueLost() }
            for consumer in consumers { consumer.startAgain(on: session.connection) }
            return self.finishConnecting(session)
        } catch {
            // Where it is up already it was lost while it was made, and is made again.
            return !self.server.whenUp { [weak self] in self?.connect() }
        }
    }

    private var consumers: [InProcessConsumer] {
        self.state.withLock { $0.consumers.values.sorted { $0.number < $1.number } }
    }

    /// Declares what was declared. What cannot be as it was, such as a queue that another has declared otherwise, leaves the
    /// rest as it was.
    private func restoreTopology(on session: Session) {
        for part in self.state.withLock({ $0.topology.topology }).parts {
            do throws(AMQPException) {
                try self.server.withChannel(of: session.connection) { (channel) throws(AMQPException) in
                    try channel.declare(part)
                }
            } catch {
                self.server.logger.warning(
                    "In-process connection could not declare again what it had declared",
                    metadata: ["connection": "\(self.name)", "error": "\(error)"]
                )
            }
        }
    }

    /// Declares what was declared, such as a queue that somebody has deleted.
    func restoreTopology() {
        if let session = self.session { self.restoreTopology(on: session) }
    }

    /// Answers those who wait, in their order, before others come through.
    ///
    /// - Returns: Whether the connection lived to the end of it, or is not wanted any more.
    private func finishConnecting(_ session: Session) -> Bool {
        while true {
            guard session.connection.isOpen else { return false }
            let (request, isClosed) = self.state.withLock { state -> (SessionRequest?, Bool) in
                guard case .connecting = state.phase else { return (nil, true) }
                let isBlocked = state.blockReason != nil
                if let index = state.waiting.firstIndex(where: { !isBlocked || !$0.isPublish }) {
                    return (state.waiting.remove(at: index), false)
                }
                state.phase = .connected(session)
                self.board.update(state.blockReason.map { .blocked(reason: $0) } ?? .connected)
                return (nil, false)
            }
            if let request {
                self.answer(request, .success(session))
            } else if isClosed {
                session.connection.abandon()
                return true
            } else {
                // Those that wanted to begin again while there was no connection to do it on.
                for consumer in self.consumers { consumer.startIfForgotten(on: session.connection) }
                // It may have gone while it was not yet known here.
                return session.connection.isOpen || !self.forget(session.connection, because: .connectionClosed)
            }
        }
    }

    /// The broker has closed the connection.
    func lose(_ connection: ServerConnection, because reason: AMQPException) {
        if self.forget(connection, because: reason) { self.connect() }
    }

    /// - Returns: Whether it was the present connection.
    private func forget(_ connection: ServerConnection, because reason: AMQPException) -> Bool {
        let isLost = self.state.withLock { state in
            guard case .connected(let session) = state.phase, session.connection.id == connection.id
            else { return false }
            state.phase = .connecting
            self.board.update(.connecting(attempt: 1, reason: reason.text))
            return true
        }
        if isLost {
            self.server.logger.debug(
                "In-process connection lost",
                metadata: ["connection": "\(self.name)", "reason": "\(reason.text)"]
            )
        }
        return isLost
    }

    /// The broker takes no messages, or takes them again.
    func noteBlock() {
        let session = self.state.withLock { state -> Session? in
            // Asked for under the lock: of two changes at once the older could be told last.
            state.blockReason = self.server.blockReason
            guard case .connected(let session) = state.phase else { return nil }
            guard state.blockReason == nil, !state.waiting.isEmpty else {
                self.board.update(state.blockReason.map { .blocked(reason: $0) } ?? .connected)
                return nil
            }
            // Nobody overtakes those who wait.
            state.phase = .connecting
            return session
        }
        if let session, !self.finishConnecting(session) { self.connect() }
    }

    func end(_ error: BrokerError) {
        let (waiting, unconfirmed) = self.state.withLock { state -> (Deque<SessionRequest>, [UnconfirmedPublish]) in
            if case .closed = state.phase { return ([], []) }
            state.phase = .closed(error)
            state.consumers = [:]
            defer {
                state.waiting = []
                state.unconfirmed = [:]
            }
            return (state.waiting, state.unconfirmed.values.map(\.publish).sorted { $0.id < $1.id })
        }
        for publish in unconfirmed { self.server.calls.call { publish.completion(.failure(.confirmLost)) } }
        for request in waiting { self.answer(request, .failure(error)) }
        self.server.unregister(self.registration)
        self.board.update(.closed)
        self.isEnded.open()
    }
}
