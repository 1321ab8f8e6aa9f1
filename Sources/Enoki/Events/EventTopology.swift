/// The names and flags of nameko's events: what must be declared alike by all services of a broker.
enum EventTopology {
    /// The exchange of a service's events.
    static func exchangeName(of service: String) -> String { "\(service).events" }

    /// The declaration of that exchange; nothing where the settings leave it to others.
    static func exchange(of service: String, _ settings: ServiceSettings) -> Topology {
        guard settings.declareEventExchanges else { return Topology() }
        return Topology(exchanges: [
            Exchange(Self.exchangeName(of: service), .topic, autoDelete: settings.autoDeleteEventExchanges)
        ])
    }

    /// Whose queue a handler consumes.
    enum Sharing {
        case servicePool
        case singleton
        case broadcast(identifier: String)
    }

    /// What a handler needs: its queue, bound to the source's exchange by the event's type.
    static func handler(
        source: String,
        type: String,
        service: String,
        handler: String,
        sharing: Sharing,
        isReliable: Bool,
        _ settings: ServiceSettings
    ) -> Topology {
        let queue =
            switch sharing {
            case .servicePool:
                Queue("evt-\(source)-\(type)--\(service).\(handler)", autoDelete: !isReliable)
            case .singleton:
                Queue("evt-\(source)-\(type)", autoDelete: !isReliable)
            case .broadcast(let identifier):
                Queue(
                    "evt-\(source)-\(type)--\(service).\(handler)-\(identifier)",
                    exclusive: !isReliable,
                    autoDelete: !isReliable
                )
            }
        let binding = Binding(from: Self.exchangeName(of: source), toQueue: queue.name, routingKey: type)
        return Self.exchange(of: source, settings).merging(Topology(queues: [queue], bindings: [binding]))
    }
}
