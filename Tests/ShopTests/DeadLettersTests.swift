import EnokiBroker
import EnokiRabbitMQ
import EnokiTestSupport
import Foundation
import Testing

/// What the shop gives up, and how somebody on call gets it done after all.
@Suite(.timeLimit(.minutes(5))) struct DeadLettersTests {
    private let dead = "evt-orders-order.placed--stock.reserve.dead"

    private func shop(_ arguments: String..., input: String = "") async throws -> ChildProcess.Exit {
        try await ChildProcess.with(BuiltExecutable.path("shop"), ["dead-letters"] + arguments) { child in
            try child.write(input)
            child.closeInput()
            return try await child.ended()
        }
    }

    @Test(arguments: TestBroker.reachable) func whatWasGivenUpIsRepairedAndHandled(on broker: TestBroker) async throws {
        let path = BuiltExecutable.path("shop")
        try await broker.withURI { uri in
            try await ChildProcess.with(path, ["run", "stock", "--broker", uri]) { child in
                try await eventually("stock runs") {
                    child.errors
                } until: {
                    $0.contains("[stock] started")
                }
                let broker = RabbitMQBroker(
                    configuration: try RabbitMQConfiguration(uri: uri),
                    logger: TestBroker.silent
                )
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await broker.run() }
                    defer { group.cancelAll() }
                    let properties = BasicProperties(contentType: "application/json", messageID: "order-7")
                    let order = Message(#"{"order": "seven teapots"}"#, properties: properties)
                    try await broker.publish(order, to: "orders.events", routingKey: "order.placed")
                    try await eventually("it is a dead letter", equals: 1) {
                        try await broker.inspect(queue: dead).messageCount
                    }
                    try await ChildProcess.with(path, ["dead-letters", "list", "--broker", uri]) { listing in
                        let exit = try await listing.ended()
                        #expect(exit == .status(0))
                        let rows = listing.output.split(separator: "\n").map { $0.split(separator: " ") }
                        #expect(rows.contains(["rpc-stock.dead", "0", "(no", "such", "queue", "yet)"]))
                        #expect(rows.contains(["enoki.lost", "0"]))
                        #expect(rows.contains([Substring(dead), "1"]))
                        #expect(rows.contains { $0.prefix(4) == ["1", "order-7", "malformed", "stock.reserve"] })
                    }
                    let repaired = """
                        {"order": {"id": 7, "customer": "Ada", "sku": "cup", "quantity": 1, "euros": 3}}
                        """
                    let exit = try await shop("replay", dead, "--body", "-", "--broker", uri, input: repaired)
                    #expect(exit == .status(0))
                    try await eventually("stock reserves what was ordered") {
                        child.errors
                    } until: {
                        $0.contains("stock.reserve: event")
                    }
                    let left = try await broker.inspect(queue: dead).messageCount
                    #expect(left == 0)
                }
            }
        }
    }
}
