/// The names and flags of nameko's RPC: what must be declared alike by all services of a broker.
enum RPCTopology {
    /// The exchange of requests and replies.
    static func exchange(_ settings: ServiceSettings) -> Exchange {
        Exchange(settings.rpcExchange, .topic)
    }

    /// The queue of a service: one for all its methods and all its instances.
    static func serviceQueue(_ service: String) -> Queue { Queue("rpc-\(service)") }

    /// The routing key of a request.
    static func routingKey(service: String, method: String) -> String { "\(service).\(method)" }

    /// What a service that has methods needs.
    static func requests(to service: String, _ settings: ServiceSettings) -> Topology {
        let exchange = Self.exchange(settings)
        let queue = Self.serviceQueue(service)
        return Topology(
            exchanges: [exchange],
            queues: [queue],
            bindings: [Binding(from: exchange.name, toQueue: queue.name, routingKey: "\(service).*")]
        )
    }

    /// What a caller needs: a queue that outlives its connection by five minutes, bound by `replyTo`. Replies travel over
    /// the same exchange as requests.
    static func replies(to name: String, replyTo: String, _ settings: ServiceSettings) -> Topology {
        let exchange = Self.exchange(settings)
        let queue = Queue("rpc.reply-\(name)-\(replyTo)", arguments: ["x-expires": .int32(300_000)])
        return Topology(
            exchanges: [exchange],
            queues: [queue],
            bindings: [Binding(from: exchange.name, toQueue: queue.name, routingKey: replyTo)]
        )
    }
}
