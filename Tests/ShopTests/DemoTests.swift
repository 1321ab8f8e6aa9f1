import EnokiTestSupport
import Testing

/// What `make run` shows.
@Suite struct DemoTests {
    @Test func theDemoShowsAllModesOnTwoInstancesAndEndsByItself() async throws {
        try await ChildProcess.with(BuiltExecutable.path("shop"), ["demo"]) { child in
            let exit = try await child.ended()
            #expect(exit == .status(0))
            #expect(child.errors.isEmpty)

            let lines = child.output.split(separator: "\n").map(String.init)
            func instances(of call: String, _ cause: String) -> [String] {
                lines.filter { $0.contains(" \(call) ") && $0.hasSuffix(cause) }.map { String($0.prefix(3).suffix(1)) }
                    .sorted()
            }
            #expect(instances(of: "stock.count", "every 10.0 seconds") == ["A", "B"])
            #expect(instances(of: "orders.place", "call from client.call").count == 3)
            #expect(instances(of: "payments.charge", "call from orders.place").count == 3)
            #expect(
                instances(of: "stock.reserve", "event orders: order.placed (service pool) from orders.place").count == 2
            )
            #expect(instances(of: "payments.book", "event orders: order.* (singleton) from orders.place").count == 3)
            #expect(instances(of: "payments.charge", "call from stock.reserve").count == 1)
            let broadcast = "event stock: price.changed (broadcast) from stock.reserve"
            #expect(instances(of: "orders.note_price", broadcast) == ["A", "B"])

            #expect(lines.contains("  => order 1 is placed: 2 × teapot for 40 euros"))
            #expect(lines.contains { $0.contains("The caller caught CardDeclined: 120 euros are more than") })
            #expect(lines.contains("  => order 2 is placed: 4 × teapot for 80 euros"))
            #expect(lines.suffix(2).first?.contains("swift run shop run --broker amqp://") == true)
        }
    }

    @Test func theListOfServicesNamesWhatTheyNeed() async throws {
        try await ChildProcess.with(BuiltExecutable.path("shop"), ["services"]) { child in
            let exit = try await child.ended()
            #expect(exit == .status(0))
            #expect(
                child.output == """
                    SERVICE   ENTRYPOINT  KIND          CALLED BY
                    orders    place       RPC           orders.place
                    orders    note_price  EventHandler  stock: price.changed (broadcast)
                    payments  charge      RPC           payments.charge
                    payments  book        EventHandler  orders: order.* (singleton)
                    stock     level       RPC           stock.level
                    stock     price       RPC           stock.price
                    stock     reserve     EventHandler  orders: order.placed (service pool)
                    stock     count       Timer         every 10.0 seconds

                    QUEUE                                            FLAGS                            BOUND TO       ROUTING KEY
                    rpc-orders                                       durable                          nameko-rpc     orders.*
                    evt-stock-price.changed--orders.note_price-<id>  durable, exclusive, auto-delete  stock.events   price.changed
                    rpc-payments                                     durable                          nameko-rpc     payments.*
                    evt-orders-order.*                               durable                          orders.events  order.*
                    rpc-stock                                        durable                          nameko-rpc     stock.*
                    evt-orders-order.placed--stock.reserve           durable                          orders.events  order.placed

                    EXCHANGE       TYPE   FLAGS
                    nameko-rpc     topic  durable
                    stock.events   topic  durable
                    orders.events  topic  durable

                    """
            )
        }
    }
}
