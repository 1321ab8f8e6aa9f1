import Enoki

/// Stands where a worker without a broker would find one: takes what is published and has nothing to give.
final class WorkerBroker: Broker {
    struct Published: Sendable {
        let message: Message
        let exchange: String
        let routingKey: String
    }

    private let messages = Locked<[Published]>([])

    var published: [Published] { self.messages.withLock { $0 } }

    var address: String { "none" }
    var status: BrokerStatus { .connected }

    func statusUpdates() -> AsyncStream<BrokerStatus> {
        AsyncStream { continuation in
            continuation.yield(.connected)
            continuation.finish()
        }
    }

    func run() async throws { throw Self.absent }
    func declare(_ topology: Topology) async throws(BrokerError) {}

    func publish(
        _ message: Message,
        to exchange: String,
        routingKey: String,
        options: PublishOptions,
        completion: @escaping @Sendable (Result<Void, BrokerError>) -> Void
    ) -> PublishTicket {
        self.messages.withLock {
            $0.append(Published(message: message, exchange: exchange, routingKey: routingKey))
        }
        completion(.success(()))
        return PublishTicket()
    }

    func consume(
        _ queue: String,
        options: ConsumerOptions,
        onDelivery: @escaping @Sendable (Delivery) -> Void
    ) async throws(BrokerError) -> any Consumer { throw Self.absent }

    func inspect(queue: String) async throws(BrokerError) -> QueueStatus { throw Self.absent }
    func unbind(_ binding: Binding) async throws(BrokerError) {}
    func purge(queue: String) async throws(BrokerError) -> Int { throw Self.absent }
    func delete(queue: String) async throws(BrokerError) {}
    func delete(exchange: String) async throws(BrokerError) {}

    private static let absent = BrokerError(
        .closed,
        "`withWorker` has no broker: test what consumes, or asks for queues, with `withServices`"
    )
}
