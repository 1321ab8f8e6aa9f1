/// Whether a broker can be used.
public enum BrokerStatus: Sendable, Hashable, CustomStringConvertible {
    /// No connection yet, or none any more: the transport is connecting. Or there is one, and not all that was declared and
    /// consumed before is there again. `attempt` counts from 1 since the last connection; `reason` says why the one before
    /// failed or was lost, or what is not there yet.
    case connecting(attempt: Int, reason: String?)
    /// Connected: all that was declared is there, every consumer that is wanted is served, messages flow.
    case connected
    /// Connected, but the broker takes no messages (`connection.blocked`), such as when its disk is nearly full. Deliveries
    /// still come.
    case blocked(reason: String)
    /// Closed for good.
    case closed

    /// The status in words.
    public var description: String {
        switch self {
        case .connecting(let attempt, nil): "connecting (attempt \(attempt))"
        case .connecting(let attempt, let reason?): "connecting (attempt \(attempt)): \(reason)"
        case .connected: "connected"
        case .blocked(let reason): "blocked by the broker: \(reason)"
        case .closed: "closed"
        }
    }
}

/// Holds a status and tells its changes to any number of readers; what ``Broker/statusUpdates()`` is made of.
package final class BrokerStatusBoard: Sendable {
    private struct State {
        var status: BrokerStatus
        var nextID = 0
        var readers: [Int: AsyncStream<BrokerStatus>.Continuation] = [:]
    }

    private let state: Locked<State>

    package init(_ status: BrokerStatus) { self.state = Locked(State(status: status)) }

    package var status: BrokerStatus { self.state.withLock { $0.status } }

    /// Sets the status; does nothing where it is the same, or where the broker is closed.
    package func update(_ status: BrokerStatus) {
        let readers = self.state.withLock { state -> [AsyncStream<BrokerStatus>.Continuation] in
            guard state.status != status, state.status != .closed else { return [] }
            state.status = status
            let readers = state.readers.sorted { $0.key < $1.key }.map(\.value)
            // Under the lock, or of two changes at once the older could be told last.
            for reader in readers { reader.yield(status) }
            return status == .closed ? readers : []
        }
        for reader in readers { reader.finish() }
    }

    package func updates() -> AsyncStream<BrokerStatus> {
        let (stream, continuation) = AsyncStream.makeStream(of: BrokerStatus.self, bufferingPolicy: .bufferingNewest(1))
        let (id, status) = self.state.withLock { state in
            defer { state.nextID += 1 }
            if state.status != .closed { state.readers[state.nextID] = continuation }
            // Yielded under the lock, or a change made meanwhile could be followed by this older one.
            continuation.yield(state.status)
            return (state.nextID, state.status)
        }
        if status == .closed { continuation.finish() }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { _ = $0.readers.removeValue(forKey: id) }
        }
        return stream
    }
}
