import EnokiBroker
import NIOCore

/// The connections of a server, so many as there may be.
final class Connections: Sendable {
    private struct State {
        var open: [ObjectIdentifier: any Channel] = [:]
        var isClosed = false
    }

    private let maximum: Int
    private let state = Locked(State())

    init(maximum: Int) { self.maximum = maximum }

    /// Whether a connection was taken in.
    enum Admission {
        case admitted
        /// There are as many as there may be.
        case full
        /// The server ends.
        case closed
    }

    /// Takes in a new connection, where there is room; it leaves when it is closed.
    func admit(_ channel: any Channel) -> Admission {
        let id = ObjectIdentifier(channel)
        let admission = self.state.withLock { state -> Admission in
            if state.isClosed { return .closed }
            guard state.open.count < self.maximum else { return .full }
            state.open[id] = channel
            return .admitted
        }
        if admission == .admitted { channel.closeFuture.whenComplete { _ in self.remove(id) } }
        return admission
    }

    private func remove(_ id: ObjectIdentifier) {
        _ = self.state.withLock { $0.open.removeValue(forKey: id) }
    }

    /// Closes all, telling the clients, and returns when they are.
    func close() async {
        let channels = self.state.withLock { state in
            state.isClosed = true
            return Array(state.open.values)
        }
        for channel in channels { channel.pipeline.fireUserInboundEventTriggered(PortClosing()) }
        for channel in channels { try? await channel.closeFuture.get() }
    }
}
