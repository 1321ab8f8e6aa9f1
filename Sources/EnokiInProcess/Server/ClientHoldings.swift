import EnokiBroker

/// How much a broker holds of its clients: when they are gone, nothing may be left.
package struct ClientHoldings: Sendable, Hashable {
    /// Open connections.
    package var connections: Int
    /// Open channels.
    package var channels: Int
    /// Consumers, of queues and of direct replies.
    package var consumers: Int
    /// Queues that belong to a connection.
    package var exclusiveQueues: Int
    /// Deliveries that are not settled.
    package var unsettled: Int
    /// Who is called with what is sent on a channel, or a connection.
    package var handlers: Int
    /// Who wants to hear of what happens to the broker.
    package var watches: Int
}

extension BrokerServer {
    /// What it holds of its clients now.
    var holdings: ClientHoldings {
        self.state.withLock { state in
            let host = state.virtualHost
            return ClientHoldings(
                connections: host.connections.count,
                channels: host.channels.count,
                consumers: host.queues.values.reduce(host.replyConsumers.count) { $0 + $1.consumers.count },
                exclusiveQueues: host.queues.values.count { $0.owner != nil },
                unsettled: host.queues.values.reduce(0) { $0 + $1.unsettledCount },
                handlers: state.handlers.count,
                watches: state.clients.count
            )
        }
    }
}
