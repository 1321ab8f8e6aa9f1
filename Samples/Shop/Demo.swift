import ArgumentParser
import Enoki
import EnokiInProcess
import Logging

/// `shop demo`: two instances of the shop on one embedded broker, three orders, and who did what.
struct Demo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show two instances of the shop at work, then exit.")

    func run() async throws {
        let logger = Logger(label: "demo") { _ in SwiftLogNoOpLogHandler() }
        let broker = InProcessBroker(logger: logger)
        let story = Story()
        // Two processes would share a database; these two instances share the stores.
        let (store, shelves) = (OrderStore(), Shelves())
        let instances = try ["A", "B"].map { name in
            try ServiceHost(
                broker: broker.connect(name: name),
                services: [
                    Orders(store: store, narrator: story.narrator(name)),
                    Payments(narrator: story.narrator(name)),
                    Stock(shelves: shelves, narrator: story.narrator(name)),
                ],
                logger: logger
            )
        }
        let client = try ServiceHost(broker: broker.connect(name: "client"), logger: logger)
        let hosts = instances + [client]

        try await withThrowingTaskGroup { group in
            group.addTask { try await broker.run() }
            for host in hosts { group.addTask { try await host.run() } }
            group.addTask {
                for host in hosts { try await host.waitUntilStarted() }
                try await tell(story, orders: client.rpc("orders", errors: [CardDeclined.self]))
                for host in hosts { host.stop() }
            }
            // The story ends, and so do the hosts; the broker runs until it is cancelled.
            for _ in 0...hosts.count { try await group.next() }
            group.cancelAll()
        }
    }

    private func tell(_ story: Story, orders: RPCProxy) async throws {
        story.begin("Two instances of the shop, A and B: each hosts orders, payments and stock. Their timers fire:")
        await story.goOn(until: ["stock.count", "stock.count"])

        story.begin(
            "Ada orders 2 teapots. Whichever instance is free takes a call; of an event each handler gets one copy:"
        )
        let first: Order = try await orders.place(customer: "Ada", sku: "teapot", quantity: 2)
        await story.goOn(until: ["stock.reserve", "payments.book"])
        story.end("order \(first.id) is placed: \(first.quantity) × \(first.sku) for \(first.euros) euros")

        story.begin("Bob orders 6 teapots, which is more than his card can pay:")
        do {
            let _: Order = try await orders.place(customer: "Bob", sku: "teapot", quantity: 6)
        } catch let declined as CardDeclined {
            await story.goOn(until: ["payments.book"])
            story.end("no order. The caller caught CardDeclined: \(declined.reason)")
        }

        story.begin(
            "Cem orders 4 teapots. The shelf gets empty, so stock buys more and tells every instance the new price:"
        )
        let last: Order = try await orders.place(customer: "Cem", sku: "teapot", quantity: 4)
        await story.goOn(until: [
            "stock.reserve", "payments.book", "payments.charge", "orders.note_price", "orders.note_price",
        ])
        story.end("order \(last.id) is placed: \(last.quantity) × \(last.sku) for \(last.euros) euros")

        print(
            """

            That was an embedded broker, inside this process. Next:
              swift run shop services      what there is: entrypoints, queues, exchanges
              swift run shop run           the services, until Ctrl-C
              swift run shop run --broker amqp://guest:guest@localhost
                                           the same on RabbitMQ; start it twice, and both share the work
            """
        )
    }
}
