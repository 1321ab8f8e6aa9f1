import DequeModule
import EnokiBroker

/// Who needs a connection waits for it here, to a deadline.
extension InProcessConnection {
    /// How long calls other than publishes wait for a connection.
    private static let patience = Duration.seconds(30)

    /// Answers a request, now or when there is a connection; messages also wait while the broker takes none.
    func answerOrKeep(_ request: SessionRequest, isFirst: Bool) {
        let answer = self.state.withLock { state -> Result<Session, BrokerError>? in
            switch state.phase {
            case .closed(let error): return .failure(error)
            case .connected(let session) where !request.isPublish || state.blockReason == nil: return .success(session)
            case .connected, .connecting: break
            }
            let waiting = self.limited(request)
            if isFirst { state.waiting.prepend(waiting) } else { state.waiting.append(waiting) }
            return nil
        }
        if let answer { request.action(answer) }
    }

    /// The request with a timer that ends its wait.
    func limited(_ request: SessionRequest) -> SessionRequest {
        let id = request.id
        var limited = request
        limited.timer = self.server.timers.schedule(at: request.deadline) { [weak self] in self?.giveUp(id) }
        return limited
    }

    func answer(_ request: SessionRequest, _ result: Result<Session, BrokerError>) {
        if let timer = request.timer { self.server.timers.cancel(timer) }
        request.action(result)
    }

    private func giveUp(_ id: UInt64) {
        let request = self.state.withLock { state in
            state.waiting.firstIndex { $0.id == id }.map { state.waiting.remove(at: $0) }
        }
        guard let request else { return }
        let status = self.status
        self.answer(request, .failure(request.isPublish ? .notSent(status, after: request.timeout) : .noAnswer(status)))
    }

    func nextSession() async throws(BrokerError) -> Session {
        let id = self.server.nextRequestNumber()
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Result<Session, BrokerError>, Never>) in
                let request = SessionRequest(
                    id: id,
                    isPublish: false,
                    timeout: Self.patience,
                    deadline: self.server.timers.now + Self.patience
                ) { continuation.resume(returning: $0) }
                self.answerOrKeep(request, isFirst: false)
                // The handler below may have run already, and found nobody to answer.
                if Task.isCancelled { self.giveUp(id) }
            }
        } onCancel: {
            self.giveUp(id)
        }
        return try result.get()
    }
}
