import EnokiTestSupport
import EnokiTesting
import Testing

/// What a failing wait says, word for word.
@Suite struct ReportTests {
    struct Kitchen: Microservice {
        static let name = "kitchen"
        var entered = Latch()
        var gate = Latch()

        var entrypoints: [any Entrypoint] {
            RPC("cook", "dish") { (dish: String) in if dish == "stone" { throw Inedible(dish: dish) } }
            EventHandler("serve", of: "orders", "placed") { (_: [String: Int]) in }
            EventHandler("stew", of: "orders", "stew") {
                entered.open()
                await gate.wait()
            }
            Dummy("rest") {}
        }
    }

    struct Inedible: Error { let dish: String }

    private func unmet(
        count: Int = 1,
        _ prepare: @escaping (Cluster, Kitchen) async throws -> Void
    ) async throws -> String {
        let kitchen = Kitchen()
        return try await withServices(kitchen, predictableCallIDs: true) { cluster in
            try await prepare(cluster, kitchen)
            let error = await #expect(throws: ExpectationError.self) {
                try await cluster.expect(Kitchen.self, "rest", count: count, within: .milliseconds(50)).values()
            }
            kitchen.gate.open()
            try await cluster.waitUntilQuiet()
            return try #require(error).description
        }
    }

    @Test func whenNothingHappened() async throws {
        #expect(
            try await unmet { _, _ in }
                == """
                expected kitchen.rest to be called once within 0.05 seconds, but it was never called

                no call has ended
                """
        )
    }

    @Test func whichCallsEndedAndHow() async throws {
        let text = try await unmet(count: 2) { cluster, _ in
            let kitchen = cluster.rpc("kitchen", timeout: .seconds(10))
            try await kitchen.cook(dish: "soup")
            _ = try? await kitchen.cook(dish: "stone")
            _ = try? await kitchen.cook(dish: 7)
            _ = try? await kitchen.coook(dish: "soup")
            try await cluster.dispatch(from: "orders", "placed", "no object")
            try await eventually("it was refused") { try cluster.snapshot()[queue: Self.served]?.unsettledCount == 0 }
            try await cluster.waitUntilQuiet()
        }
        #expect(
            text == """
                expected kitchen.rest to be called 2 times within 0.05 seconds, but it was never called

                calls that have ended, in order:
                  1. kitchen.cook on instance 0 succeeded (kitchen.cook.0)
                  2. kitchen.cook on instance 0 failed with Inedible(dish: "stone") (kitchen.cook.1)
                  3. kitchen.cook on instance 0 was not called: IncorrectSignature: cook() 'dish': expected String, found number
                  4. kitchen.coook on instance 0 was not called: MethodNotFound: coook
                  5. kitchen.serve on instance 0 was not called: UnreadableMessage: malformed: the body: expected Dictionary<String, Any>, found a string
                queues that are not empty:
                  evt-orders-placed--kitchen.serve.dead: 1 ready, 0 unsettled, 0 consumers
                    "no object"
                """
        )
    }

    private static let served = "evt-orders-placed--kitchen.serve"

    @Test func whichCallsRunAndWhatIsQueued() async throws {
        let text = try await unmet { cluster, kitchen in
            try await cluster.dispatch(from: "orders", "stew", true)
            await kitchen.entered.wait()
            try await cluster.broker.declare(Topology(queues: [Queue("tables")]))
            for table in 1...5 {
                let body =
                    #"{"table": \#(table), "card": {"password": "hunter2", "API-Key": 1}, "at": "amqp://u:p@host/"}"#
                let properties = BasicProperties(
                    contentType: "application/json",
                    headers: ["nameko.auth_token": "s3cret"]
                )
                try await cluster.broker.publish(Message(body, properties: properties), to: "", routingKey: "tables")
            }
            let binary = Message(body: [0, 1, 2], properties: BasicProperties(contentType: "image/png"))
            try await cluster.broker.publish(binary, to: "", routingKey: "nowhere")
            try? await cluster.broker.publish(
                Message("[1]"),
                to: "orders.events",
                routingKey: "unheard",
                options: PublishOptions(mandatory: true)
            )
        }
        #expect(
            text == """
                expected kitchen.rest to be called once within 0.05 seconds, but it was never called

                no call has ended
                calls that are still running:
                  kitchen.stew on instance 0 (kitchen.stew.0)
                queues that are not empty:
                  evt-orders-stew--kitchen.stew: 0 ready, 1 unsettled, 1 consumer
                  tables: 5 ready, 0 unsettled, 0 consumers
                    {"at": "********", "card": {"API-Key": "********", "password": "********"}, "table": 1}
                    {"at": "********", "card": {"API-Key": "********", "password": "********"}, "table": 2}
                    {"at": "********", "card": {"API-Key": "********", "password": "********"}, "table": 3}
                    … 2 more
                messages that reached no queue:
                  the default exchange "nowhere", dropped: <3 bytes>
                  orders.events "unheard", returned: [1]
                """
        )
        #expect(!text.contains("s3cret") && !text.contains("hunter2"))
    }

    @Test func whatWasDeadLettered() async throws {
        let text = try await unmet { cluster, _ in
            try await cluster.broker.declare(
                Topology(queues: [
                    Queue("dead"),
                    Queue("brief", arguments: ["x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"]),
                    Queue("lossy", arguments: ["x-dead-letter-exchange": "", "x-dead-letter-routing-key": "gone"]),
                ])
            )
            for queue in ["brief", "lossy"] {
                var message = Message(#"{"token": "s3cret"}"#)
                message.properties.expiration = .seconds(1)
                try await cluster.broker.publish(message, to: "", routingKey: queue)
            }
            await cluster.clock.advance(by: .seconds(1))
        }
        #expect(
            text == """
                expected kitchen.rest to be called once within 0.05 seconds, but it was never called

                no call has ended
                queues that are not empty:
                  dead: 1 ready, 0 unsettled, 0 consumers
                    {"token": "********"}
                messages that were dead-lettered:
                  brief, expired, to dead: {"token": "********"}
                  lossy, expired, lost: {"token": "********"}
                """
        )
    }

    @Test func whichFaultsThereWere() async throws {
        let plan: FaultPlan = [.dropConnection(after: .publish(1))]
        try await withServices(Kitchen(), faults: plan) { cluster in
            try? await cluster.dispatch(from: "orders", "placed", ["dish": 1])
            let error = await #expect(throws: ExpectationError.self) {
                try await cluster.expect(Kitchen.self, "rest", within: .milliseconds(50)).value()
            }
            #expect(error?.description.contains("the faults of this run: withServices(…, faults: [") == true)
        }
    }

    @Test func whichSeedMakesTheSameOrder() async throws {
        try await withServices(Kitchen(), seed: 42) { cluster in
            let error = await #expect(throws: ExpectationError.self) {
                try await cluster.expect(Kitchen.self, "rest", within: .milliseconds(50)).value()
            }
            #expect(error?.description.hasSuffix("\nthe order of this run: withServices(…, seed: 42)") == true)
        }
    }

    @Test func howManyCallsDidNotMatch() async throws {
        try await withServices(Kitchen()) { cluster in
            for (times, words) in [(1, "; one call did not match"), (2, "; 2 calls did not match")] {
                let never = cluster.expect(Kitchen.self, "rest", within: .milliseconds(50)) { _ in false }
                for _ in 0..<times { try await cluster.entrypoint(Kitchen.self, "rest")() }
                let error = await #expect(throws: ExpectationError.self) { try await never.value() }
                #expect(error?.description.contains("but it was never called\(words)\n") == true)
            }
        }
    }

    @Test func longTextsAreCut() async throws {
        let text = try await unmet { cluster, _ in
            _ = try? await cluster.rpc("kitchen", timeout: .seconds(10)).cook(dish: "stone")
            try await cluster.broker.publish(
                Message("\"\(String(repeating: "x", count: 5000))\""),
                to: "",
                routingKey: "nowhere"
            )
        }
        #expect(text.count < 1000)
        #expect(text.contains("x…"))
    }
}
