import DequeModule
import EnokiBroker

/// How a message gets its confirm: when the connection is lost before that, the message is sent again on the next one, once.
extension InProcessConnection {
    /// Publishes, now or when there is a connection.
    func publish(_ publish: UnconfirmedPublish, isAgain: Bool = false) {
        self.answerOrKeep(self.request(for: publish), isFirst: isAgain)
    }

    private func request(for publish: UnconfirmedPublish) -> SessionRequest {
        SessionRequest(
            id: publish.id,
            isPublish: true,
            timeout: publish.publish.timeout,
            deadline: publish.publish.deadline
        ) { [self] session in
            do throws(BrokerError) {
                try self.send(publish, on: session.get())
            } catch {
                self.server.calls.call { publish.completion(.failure(publish.failure(error))) }
            }
        }
    }

    private func send(_ publish: UnconfirmedPublish, on session: Session) throws(BrokerError) {
        let connection = session.connection
        let end = self.state.withLock { state -> BrokerError? in
            if case .closed(let error) = state.phase { return error }
            state.unconfirmed[publish.id] = (publish, connection.id)
            return nil
        }
        if let end { throw end }
        do throws(AMQPException) {
            try self.server.publish(publish.publish, on: session.publishing.id) { [self] outcome in
                switch outcome {
                case .confirmed: self.end(publish, .success(()), on: connection.id)
                case .failed(let error): self.end(publish, .failure(publish.failure(error)), on: connection.id)
                // The next connection takes it, see `sendUnconfirmedAgain()`.
                case .lost(let reason): self.lose(connection, because: reason)
                }
            }
        } catch {
            let isOpen = connection.isOpen
            let isOurs = self.state.withLock { state in
                guard state.unconfirmed[publish.id]?.connection == connection.id else { return false }
                state.unconfirmed[publish.id] = nil
                return true
            }
            // Who has noticed the loss meanwhile has seen to it.
            guard isOurs else { return }
            if isOpen { throw BrokerError(error) }
            // The connection went away before the broker saw the message: the next one takes it.
            self.lose(connection, because: error)
            self.publish(publish, isAgain: true)
        }
    }

    /// Nobody waits any longer for what becomes of a publish.
    func giveUp(publish id: UInt64) {
        let (sent, waiting) = self.state.withLock { state -> (UnconfirmedPublish?, SessionRequest?) in
            if let (publish, _) = state.unconfirmed.removeValue(forKey: id) { return (publish, nil) }
            return (nil, state.waiting.firstIndex { $0.id == id }.map { state.waiting.remove(at: $0) })
        }
        if let sent { self.server.calls.call { sent.completion(.failure(.cancelledBeforeConfirm)) } }
        guard let waiting else { return }
        self.answer(waiting, .failure(.cancelledBeforeSending))
    }

    /// Tells what became of a publish on that connection, the first time.
    private func end(_ publish: UnconfirmedPublish, _ result: Result<Void, BrokerError>, on connection: ConnectionID?) {
        let (isFirst, request) = self.state.withLock { state -> (Bool, SessionRequest?) in
            // A refusal that comes after the loss says nothing of the message that was sent again.
            if case .failure = result, let sent = state.unconfirmed[publish.id], sent.connection != connection {
                return (false, nil)
            }
            if state.unconfirmed.removeValue(forKey: publish.id) != nil { return (true, nil) }
            // The confirm was on its way when the connection was lost.
            guard let index = state.waiting.firstIndex(where: { $0.id == publish.id }) else { return (false, nil) }
            return (true, state.waiting.remove(at: index))
        }
        if let timer = request?.timer { self.server.timers.cancel(timer) }
        if isFirst { publish.completion(result) }
    }

    /// Puts what was sent on a connection that is gone before all that waits, in the order in which it was published.
    func sendUnconfirmedAgain() {
        let lost = self.state.withLock { state -> [UnconfirmedPublish] in
            let unconfirmed = state.unconfirmed.values.map(\.publish).sorted { $0.id < $1.id }
            state.unconfirmed = [:]
            for publish in unconfirmed.reversed() where !publish.mayHaveArrived {
                var again = publish
                again.mayHaveArrived = true
                state.waiting.prepend(self.limited(self.request(for: again)))
            }
            return unconfirmed.filter(\.mayHaveArrived)
        }
        for publish in lost { self.server.calls.call { publish.completion(.failure(.confirmLostTwice)) } }
    }
}
