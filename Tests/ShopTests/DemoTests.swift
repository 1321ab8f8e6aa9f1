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
            // Twice, where it takes longer than ten seconds.
            #expect(Set(instances(of: "stock.count", "every 10.0 seconds")) == ["A", "B"])
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
                    SERVICE   ENTRYPOINT  KIND          CALLED BY                            HANDLING
                    orders    place       RPC           orders.place                         error to the caller
                    orders    note_price  EventHandler  stock: price.changed (broadcast)     discard
                    payments  charge      RPC           payments.charge                      error to the caller
                    payments  book        EventHandler  orders: order.* (singleton)          retry up to 5 (after 1s, 2s, 4s, 8s), then dead letter
                    stock     level       RPC           stock.level                          error to the caller
                    stock     price       RPC           stock.price                          error to the caller
                    stock     reserve     EventHandler  orders: order.placed (service pool)  retry up to 5 (after 1s, 2s, 4s, 8s), then dead letter; timeout 20s; idempotent for 1d, in memory
                    stock     count       Timer         every 10.0 seconds

                    QUEUE                                            FLAGS                            BOUND TO          ROUTING KEY                             DECLARED
                    rpc-orders                                       durable                          nameko-rpc        orders.*                                at start
                    evt-stock-price.changed--orders.note_price-<id>  durable, exclusive, auto-delete  stock.events      price.changed                           at start
                    rpc-payments                                     durable                          nameko-rpc        payments.*                              at start
                    evt-orders-order.*                               durable                          orders.events     order.*                                 at start
                    rpc-stock                                        durable                          nameko-rpc        stock.*                                 at start
                    evt-orders-order.placed--stock.reserve           durable                          orders.events     order.placed                            at start
                    evt-orders-order.*                               durable                          enoki.retry       evt-orders-order.*                      at start
                    enoki.lost                                       durable                          enoki.lost                                                at start
                    evt-orders-order.placed--stock.reserve           durable                          enoki.retry       evt-orders-order.placed--stock.reserve  at start
                    rpc-orders                                       durable                          enoki.retry       rpc-orders                              when needed
                    enoki.retry.1000                                 durable                          enoki.retry.1000                                          when needed
                    enoki.retry.2000                                 durable                          enoki.retry.2000                                          when needed
                    enoki.retry.4000                                 durable                          enoki.retry.4000                                          when needed
                    enoki.retry.8000                                 durable                          enoki.retry.8000                                          when needed
                    rpc-payments                                     durable                          enoki.retry       rpc-payments                            when needed
                    evt-orders-order.*.dead                          durable                                                                                    when needed
                    rpc-stock                                        durable                          enoki.retry       rpc-stock                               when needed
                    evt-orders-order.placed--stock.reserve.dead      durable                                                                                    when needed

                    EXCHANGE          TYPE    FLAGS    DECLARED
                    nameko-rpc        topic   durable  at start
                    stock.events      topic   durable  at start
                    orders.events     topic   durable  at start
                    enoki.lost        fanout  durable  at start
                    enoki.retry       direct  durable  at start
                    enoki.retry.1000  fanout  durable  when needed
                    enoki.retry.2000  fanout  durable  when needed
                    enoki.retry.4000  fanout  durable  when needed
                    enoki.retry.8000  fanout  durable  when needed

                    """
            )
        }
    }
}
