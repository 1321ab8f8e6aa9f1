import EnokiBroker

/// Makes one status of those of the two connections.
final class LinkStatus: Sendable {
    enum Link: Equatable {
        /// Connecting, or restoring what was there before.
        case down(BrokerStatus)
        case up
        case blocked(String)
    }

    private struct State {
        var publishing = Link.down(.connecting(attempt: 1, reason: nil))
        var consuming = Link.down(.connecting(attempt: 1, reason: nil))

        var status: BrokerStatus {
            switch (self.publishing, self.consuming) {
            case (.down(.closed), _), (_, .down(.closed)): .closed
            case (.down(let status), .up), (.down(let status), .blocked): status
            case (_, .down(let status)): status
            case (.blocked(let reason), _), (_, .blocked(let reason)): .blocked(reason: reason)
            case (.up, .up): .connected
            }
        }
    }

    private let board: BrokerStatusBoard
    private let state = Locked(State())

    init(_ board: BrokerStatusBoard) { self.board = board }

    /// The publishing connection is so.
    func publishing(_ link: Link) { self.change { $0.publishing = link } }

    /// The consuming connection is so.
    func consuming(_ link: Link) { self.change { $0.consuming = link } }

    private func change(_ body: (inout State) -> Void) {
        self.state.withLock { state in
            body(&state)
            // Under the lock, or an older status could follow a newer one.
            self.board.update(state.status)
        }
    }
}
