import EnokiBroker

/// A consumer of an in-process broker.
final class InProcessConsumer: Consumer {
    private let id: ConsumerID
    private let server: BrokerServer

    init(_ id: ConsumerID, of server: BrokerServer) {
        self.id = id
        self.server = server
    }

    var isActive: Bool { self.server.isActive(self.id) }

    func cancel() async { await self.server.cancel(self.id) }

    func close() async { await self.server.close(self.id) }
}
