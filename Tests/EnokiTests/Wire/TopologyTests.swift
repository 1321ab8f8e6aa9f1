import EnokiBroker
import Testing

@testable import Enoki

/// What is declared must be what nameko declares, to the flag: otherwise the broker refuses one of the two.
@Suite struct TopologyTests {
    private let settings = ServiceSettings()

    private func expect(_ topology: Topology, isWhat version: Golden, declaredAs name: String) throws {
        let queue = try #require(topology.queues.first)
        #expect(queue.name == name)
        let declared = try #require(try version.declarations("queue.declare").first { $0["queue"] == name })
        #expect(queue.durable == declared.flag("durable"))
        #expect(queue.exclusive == declared.flag("exclusive"))
        #expect(queue.autoDelete == declared.flag("auto_delete"))
        #expect(queue.arguments == declared.arguments)

        let binding = try #require(topology.bindings.first)
        let bound = try #require(try version.declarations("queue.bind").first { $0["queue"] == name })
        #expect(binding == Binding(from: bound["exchange"], toQueue: name, routingKey: bound["routing_key"]))

        let exchange = try #require(topology.exchanges.first)
        let exchanged = try #require(
            try version.declarations("exchange.declare").first { $0["exchange"] == exchange.name }
        )
        #expect(exchange.kind.rawValue == exchanged["type"])
        #expect(exchange.durable == exchanged.flag("durable"))
        #expect(exchange.autoDelete == exchanged.flag("auto_delete"))
        #expect(exchange.isInternal == exchanged.flag("internal"))
    }

    @Test(arguments: Golden.allCases) func requestsAreWhatNamekoDeclares(_ version: Golden) throws {
        try self.expect(RPCTopology.requests(to: "alpha", self.settings), isWhat: version, declaredAs: "rpc-alpha")
    }

    @Test(arguments: Golden.allCases) func repliesAreWhatNamekoDeclares(_ version: Golden) throws {
        let name = try #require(
            try version.declarations("queue.declare").first { $0["queue"].hasPrefix("rpc.reply-alpha-") }
        )["queue"]
        let replyTo = String(name.dropFirst("rpc.reply-alpha-".count))
        try self.expect(
            RPCTopology.replies(to: "alpha", replyTo: replyTo, self.settings),
            isWhat: version,
            declaredAs: name
        )
    }

    struct Handler: CustomTestStringConvertible {
        let type: String
        let sharing: EventTopology.Sharing
        let isReliable: Bool
        let queue: String
        var name: String?
        var testDescription: String { self.queue }
    }

    static let handlers = [
        Handler(type: "pool_rel", sharing: .servicePool, isReliable: true, queue: "evt-alpha-pool_rel--gamma.pool_rel"),
        Handler(
            type: "pool_unrel",
            sharing: .servicePool,
            isReliable: false,
            queue: "evt-alpha-pool_unrel--gamma.pool_unrel"
        ),
        Handler(type: "single_rel", sharing: .singleton, isReliable: true, queue: "evt-alpha-single_rel"),
        Handler(type: "single_unrel", sharing: .singleton, isReliable: false, queue: "evt-alpha-single_unrel"),
        Handler(
            type: "bcast_rel",
            sharing: .broadcast(identifier: "fixed-id"),
            isReliable: true,
            queue: "evt-alpha-bcast_rel--gamma.bcast_rel-fixed-id"
        ),
        Handler(
            type: "bcast_unrel_fixed",
            sharing: .broadcast(identifier: "fixed-id"),
            isReliable: false,
            queue: "evt-alpha-bcast_unrel_fixed--gamma.bcast_unrel_fixed-fixed-id"
        ),
        Handler(
            type: "wild.*",
            sharing: .servicePool,
            isReliable: true,
            queue: "evt-alpha-wild.*--gamma.wild",
            name: "wild"
        ),
        Handler(type: "#", sharing: .servicePool, isReliable: true, queue: "evt-alpha-#--gamma.allev", name: "allev"),
    ]

    @Test(arguments: Golden.allCases, Self.handlers)
    func eventHandlersAreWhatNamekoDeclares(_ version: Golden, _ handler: Handler) throws {
        let topology = EventTopology.handler(
            source: "alpha",
            type: handler.type,
            service: "gamma",
            handler: handler.name ?? handler.type,
            sharing: handler.sharing,
            isReliable: handler.isReliable,
            self.settings
        )
        try self.expect(topology, isWhat: version, declaredAs: handler.queue)
    }

    @Test func settingsChangeTheEventExchange() {
        var settings = ServiceSettings()
        settings.autoDeleteEventExchanges = true
        #expect(EventTopology.exchange(of: "alpha", settings).exchanges.first?.autoDelete == true)
        settings.declareEventExchanges = false
        #expect(EventTopology.exchange(of: "alpha", settings) == Topology())
    }
}
