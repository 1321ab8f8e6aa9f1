import EnokiAMQP
import EnokiBroker
public import EnokiInProcess
import EnokiRabbitMQManagement

/// A virtual host that one test has for itself, reached at a URI by clients in any language.
public enum TestVirtualHost: Sendable {
    /// What has the virtual host.
    public enum Kind: String, CaseIterable, Sendable {
        /// The private RabbitMQ that `make test` started.
        case rabbitMQ = "RabbitMQ"
        /// The in-process broker behind its AMQP port.
        case amqpPort = "the AMQP port"
    }

    /// Of RabbitMQ.
    case rabbitMQ(RabbitMQVirtualHost)
    /// Of the in-process broker, which listens at `uri`.
    case amqpPort(InProcessBroker, uri: String)

    /// Runs `body` with a new virtual host, and ends it with all connections to it.
    ///
    /// - Throws: What `body` throws; ``TestEnvironment/Missing`` where RabbitMQ was not started.
    public static func withFresh<Result: Sendable>(
        of kind: Kind,
        _ body: (TestVirtualHost) async throws -> Result
    ) async throws -> Result {
        switch kind {
        case .rabbitMQ: return try await RabbitMQVirtualHost.withFresh { try await body(.rabbitMQ($0)) }
        case .amqpPort:
            let broker = InProcessBroker(logger: TestBroker.silent)
            return try await broker.listen(logger: TestBroker.silent) { port in
                try await body(.amqpPort(broker, uri: port.uri()))
            }
        }
    }

    /// Its URI, with user and password.
    public var uri: String {
        switch self {
        case .rabbitMQ(let host): host.uri
        case .amqpPort(_, let uri): uri
        }
    }

    /// Closes all connections to it, as an operator would.
    ///
    /// - Parameter foreignCount: How many of them there must be of other clients than our own: RabbitMQ learns of a
    ///   connection only within about a second.
    public func dropConnections(foreignCount: Int, because reason: String) async throws {
        switch self {
        case .rabbitMQ(let host):
            let connections = try await eventually("RabbitMQ shows \(foreignCount) connections of other clients") {
                try await host.connections()
            } until: { connections in
                connections.count { $0.clientProperties?.product.map { $0 != "Enoki" } ?? false } >= foreignCount
            }
            for connection in connections { try await host.close(connection, reason: reason) }
        case .amqpPort(let broker, _): broker.dropConnections(because: reason)
        }
    }

    // MARK: - What is in it

    /// Its queues.
    public func queues() async throws -> [ObservedQueue] {
        switch self {
        case .rabbitMQ(let host): try await host.queues()
        case .amqpPort(let broker, _): broker.snapshot().queues.map(ObservedQueue.init)
        }
    }

    /// The queue of that name, if it exists.
    public func queue(_ name: String) async throws -> ObservedQueue? {
        try await self.queues().first { $0.name == name }
    }

    /// For each consumer the name of its queue; a new consumer appears a moment later.
    public func consumedQueues() async throws -> [String] {
        switch self {
        case .rabbitMQ(let host): try await host.consumers().map(\.queueName)
        case .amqpPort(let broker, _):
            broker.snapshot().queues.flatMap { Array(repeating: $0.queue.name, count: $0.consumerCount) }
        }
    }

    /// Its exchanges, without the broker's own.
    public func exchanges() async throws -> [ObservedExchange] {
        switch self {
        case .rabbitMQ(let host): try await host.exchanges()
        case .amqpPort(let broker, _): broker.snapshot().exchanges.map(ObservedExchange.init)
        }
    }

    /// Its bindings, without those of the default exchange.
    public func bindings() async throws -> [ObservedBinding] {
        switch self {
        case .rabbitMQ(let host): try await host.bindings()
        case .amqpPort(let broker, _): broker.snapshot().bindings.map(ObservedBinding.init)
        }
    }
}

extension ObservedQueue {
    /// The queue as RabbitMQ's HTTP API would show it.
    fileprivate init(_ contents: BrokerSnapshot.QueueContents) {
        self.init(
            name: contents.queue.name,
            durable: contents.queue.durable && !contents.queue.exclusive,
            exclusive: contents.queue.exclusive,
            autoDelete: contents.queue.autoDelete,
            arguments: .init(contents.queue.arguments),
            messagesReady: contents.ready.count,
            messagesUnacknowledged: contents.unsettledCount
        )
    }
}

extension ObservedExchange {
    fileprivate init(_ exchange: Exchange) {
        self.init(
            name: exchange.name,
            type: exchange.kind.rawValue,
            durable: exchange.durable,
            autoDelete: exchange.autoDelete,
            internal: exchange.isInternal,
            arguments: .init(exchange.arguments)
        )
    }
}

extension ObservedBinding {
    fileprivate init(_ binding: Binding) {
        let (type, name) =
            switch binding.destination {
            case .queue(let name): ("queue", name)
            case .exchange(let name): ("exchange", name)
            }
        self.init(
            source: binding.source,
            destination: name,
            destinationType: type,
            routingKey: binding.routingKey,
            arguments: .init(binding.arguments)
        )
    }
}

extension [String: ArgumentText] {
    /// The values as the text that they are in JSON.
    fileprivate init(_ arguments: Headers) {
        self = [:]
        for argument in arguments { self[argument.name] = ArgumentText(argument.value) }
    }
}

extension ArgumentText {
    fileprivate init(_ value: FieldValue) {
        let text = value.stringValue ?? value.boolValue.map(String.init) ?? value.integerValue.map(String.init)
        self.init(stringLiteral: text ?? "\(value)")
    }
}
