import Enoki
import EnokiInProcess
import EnokiTestSupport
import Testing

@testable import EnokiRunner

@Suite struct ServicesReportTests {
    struct Everything: Microservice {
        static let name = "everything"
        var entrypoints: [any Entrypoint] {
            RPC("one", method: { () -> Int in 1 })
            RPC("two", method: { () -> Int in 2 })
            EventHandler("pool", of: "source", "type") {}
            EventHandler("single", of: "source", "type.*", mode: .singleton, reliableDelivery: false) {}
            EventHandler("all", of: "source", "type", mode: .broadcast) {}
            EventHandler("each", of: "source", "type", mode: .broadcast(.fixed("host-1"))) {}
            Timer("tick", every: .seconds(30)) {}
            Once("begin") {}
        }
    }

    @Test func namesEveryEntrypointAndOnceEveryQueueAndExchange() throws {
        let broker = InProcessBroker(logger: TestBroker.silent)
        let host = try ServiceHost(broker: broker, services: [Everything()], logger: TestBroker.silent)
        #expect(
            ServicesReport(host.containers).text == """
                SERVICE     ENTRYPOINT  KIND          CALLED BY
                everything  one         RPC           everything.one
                everything  two         RPC           everything.two
                everything  pool        EventHandler  source: type (service pool)
                everything  single      EventHandler  source: type.* (singleton)
                everything  all         EventHandler  source: type (broadcast)
                everything  each        EventHandler  source: type (broadcast)
                everything  tick        Timer         every 30.0 seconds
                everything  begin       Once          at start

                QUEUE                                    FLAGS                            BOUND TO       ROUTING KEY
                rpc-everything                           durable                          nameko-rpc     everything.*
                evt-source-type--everything.pool         durable                          source.events  type
                evt-source-type.*                        durable, auto-delete             source.events  type.*
                evt-source-type--everything.all-<id>     durable, exclusive, auto-delete  source.events  type
                evt-source-type--everything.each-host-1  durable                          source.events  type

                EXCHANGE       TYPE   FLAGS
                nameko-rpc     topic  durable
                source.events  topic  durable
                """
        )
    }

    @Test func aProgramOfTimersHasNoTablesOfQueues() {
        let entry = ServicesReport.Entry(
            service: "s",
            summary: EntrypointSummary(kind: "Once", name: "o", trigger: "at start"),
            identifier: "i"
        )
        #expect(
            ServicesReport([entry]).text == """
                SERVICE  ENTRYPOINT  KIND  CALLED BY
                s        o           Once  at start
                """
        )
    }
}
