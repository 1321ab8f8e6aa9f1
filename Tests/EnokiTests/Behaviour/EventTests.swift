import Enoki
import EnokiTestSupport
import EnokiTesting
import Testing

@Suite struct EventTests {
    @Test(arguments: TestBroker.allCases) func eachModeReachesTheInstancesItIsFor(_ broker: TestBroker) async throws {
        try await withServices(Press(), Reader(), Reader(), Reader(), Rival(), on: broker) { cluster in
            let everywhere = cluster.expect(Reader.self, "everywhere", count: 30)
            let pooled = cluster.expect(Reader.self, "pooled", count: 10)
            let rivals = cluster.expect(Rival.self, "pooled", count: 10)
            for number in 0..<10 { try await cluster.rpc("press").publish(title: "News \(number)") }
            let broadcasts = try await everywhere.values()
            #expect(Dictionary(grouping: broadcasts, by: \.instance).mapValues(\.count) == [0: 10, 1: 10, 2: 10])
            try await pooled.values()
            try await rivals.values()
            // Whichever service it was: ten events in all.
            try await eventually("each event reached one singleton") {
                cluster.calls.count { $0.entrypoint == "single" } == 10
            }
            try await eventually("all queues are empty") {
                try await cluster.broker.inspect(queue: "evt-press-published--reader.pooled").messageCount == 0
            }
            #expect(cluster.calls.count { $0.service == "reader" && $0.entrypoint == "pooled" } == 10)
            #expect(cluster.calls.count { $0.entrypoint == "single" } == 10)
        }
    }

    @Test(arguments: TestBroker.allCases) func patternsMatchWords(_ broker: TestBroker) async throws {
        struct Patterns: Microservice {
            static let name = "patterns"
            let texts = Shelf<String>()
            var entrypoints: [any Entrypoint] {
                EventHandler("one", of: "press", "wild.*") { (text: String) in texts.put("one \(text)") }
                EventHandler("any", of: "press", "wild.#") { (text: String) in texts.put("any \(text)") }
            }
        }
        let patterns = Patterns()
        try await withServices(Press(), patterns, on: broker) { cluster in
            let any = cluster.expect(Patterns.self, "any", count: 3)
            let one = cluster.expect(Patterns.self, "one", count: 1)
            for type in ["wild", "wild.a", "wild.a.b", "tame.a"] {
                try await cluster.rpc("press").dispatch(type: type, text: type)
            }
            try await any.values()
            try await one.values()
            #expect(Set(patterns.texts.elements) == ["any wild", "any wild.a", "any wild.a.b", "one wild.a"])
        }
    }

    @Test(arguments: TestBroker.allCases)
    func aReliableQueueKeepsEventsWhileNobodyListens(_ broker: TestBroker) async throws {
        try await broker.withConnections { connect in
            try await withServices(Press(), Reader(), connect: connect) { _ in }
            try await withServices(Press(), connect: connect) { cluster in
                try await cluster.rpc("press").publish(title: "Nobody home")
                #expect(try await cluster.broker.inspect(queue: "evt-press-published--reader.pooled").messageCount == 1)
            }
            try await withServices(Reader(), connect: connect) { cluster in
                try await eventually("the event that waited is handled") {
                    cluster.calls.contains { $0.entrypoint == "pooled" }
                }
            }
        }
    }

    @Test(arguments: TestBroker.allCases) func anUnreliableQueueEndsWithItsConsumers(_ broker: TestBroker) async throws
    {
        struct Careless: Microservice {
            static let name = "careless"
            var entrypoints: [any Entrypoint] {
                EventHandler("pooled", of: "press", "published", reliableDelivery: false) { (_: Published) in }
                EventHandler("single", of: "press", "published", mode: .singleton, reliableDelivery: false) {
                    (_: Published) in
                }
                EventHandler(
                    "everywhere",
                    of: "press",
                    "published",
                    mode: .broadcast(.fixed("me")),
                    reliableDelivery: false
                ) {
                    (_: Published) in
                }
            }
        }
        try await broker.withConnections { connect in
            let queues = [
                "evt-press-published--careless.pooled", "evt-press-published",
                "evt-press-published--careless.everywhere-me",
            ]
            try await withServices(Careless(), connect: connect) { cluster in
                for queue in queues.prefix(2) {
                    let status = try await cluster.broker.inspect(queue: queue)
                    #expect(status.consumerCount == 1)
                }
            }
            try await withServices(connect: connect) { cluster in
                for queue in queues {
                    await #expect(throws: BrokerError.self) { try await cluster.broker.inspect(queue: queue) }
                }
            }
        }
    }

    @Test(arguments: TestBroker.allCases) func aBroadcastToHostsIsReliable(_ broker: TestBroker) async throws {
        struct Stable: Microservice {
            static let name = "stable"
            var entrypoints: [any Entrypoint] {
                EventHandler("fixed", of: "press", "published", mode: .broadcast(.fixed("me"))) { (_: Published) in }
            }
        }
        try await broker.withConnections { connect in
            try await withServices(Stable(), connect: connect) { _ in }
            try await withServices(Press(), connect: connect) { cluster in
                try await cluster.rpc("press").publish(title: "Later")
                #expect(
                    try await cluster.broker.inspect(queue: "evt-press-published--stable.fixed-me").messageCount == 1
                )
            }
        }
    }

    @Test(arguments: TestBroker.allCases) func anEventThatFailsIsDroppedOrRequeuedWhereThatIsWanted(
        _ broker: TestBroker
    )
        async throws
    {
        struct Clumsy: Microservice {
            static let name = "clumsy"
            let tries = Shelf<Bool>()
            var entrypoints: [any Entrypoint] {
                EventHandler("drops", of: "press", "published", onFailure: .discard) { (_: Published) in
                    throw Boom(reason: "always")
                }
                EventHandler("retries", of: "press", "published", requeueOnError: true, retries)
            }
            func retries(_: Published) async throws {
                self.tries.put(WorkerContext.current?.redelivered ?? false)
                if self.tries.elements.count < 3 { throw Boom(reason: "twice") }
            }
        }
        let clumsy = Clumsy()
        try await withServices(Press(), clumsy, on: broker) { cluster in
            let drops = cluster.expect(Clumsy.self, "drops")
            let retries = cluster.expect(Clumsy.self, "retries", count: 3)
            try await cluster.rpc("press").publish(title: "News")
            await #expect(throws: Boom.self) { try await drops.value() }
            try await retries.values()
            #expect(clumsy.tries.elements == [false, true, true])
            for queue in ["evt-press-published--clumsy.drops", "evt-press-published--clumsy.retries"] {
                try await eventually("\(queue) is empty") {
                    try await cluster.broker.inspect(queue: queue).messageCount == 0
                }
            }
            #expect(cluster.calls.count { $0.entrypoint == "drops" } == 1)
        }
    }

    @Test(arguments: TestBroker.allCases) func anEventThatCannotBeReadStopsNothing(_ broker: TestBroker)
        async throws
    {
        try await withServices(Reader(), on: broker) { cluster in
            let properties = BasicProperties(contentType: "application/json")
            let pooled = cluster.expect(Reader.self, "pooled")
            for body in ["", "{", "[]", "null", #"{"title": 1}"#, String(repeating: "[", count: 1000)] {
                let message = Message(body, properties: properties)
                try await cluster.broker.publish(message, to: "press.events", routingKey: "published")
            }
            let pickle = Message("x", properties: BasicProperties(contentType: "application/x-python-serialize"))
            try await cluster.broker.publish(pickle, to: "press.events", routingKey: "published")
            try await cluster.dispatch(Published(title: "Good"))
            try await pooled.value()
            #expect(cluster.calls.count { $0.entrypoint == "pooled" } == 1)
            try await eventually("all are acknowledged") {
                try await cluster.broker.inspect(queue: "evt-press-published--reader.pooled").messageCount == 0
            }
        }
    }

    @Test func anEventOfAnotherServiceIsNotDispatched() async throws {
        try await withServices(Press()) { cluster in
            let error = await #expect(throws: RemoteError.self) { try await cluster.rpc("press").forge() }
            #expect(error?.type == "ConfigurationError")
        }
    }

    @Test func anEventNeedsAType() async throws {
        try await withServices(Press()) { cluster in
            await #expect(throws: RemoteError.self) { try await cluster.rpc("press").dispatch(type: "", text: "") }
        }
    }
}
