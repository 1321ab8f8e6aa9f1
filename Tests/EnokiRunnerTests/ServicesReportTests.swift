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
                SERVICE     ENTRYPOINT  KIND          CALLED BY                    HANDLING
                everything  one         RPC           everything.one               error to the caller
                everything  two         RPC           everything.two               error to the caller
                everything  pool        EventHandler  source: type (service pool)  retry up to 5 (after 1s, 2s, 4s, 8s), then dead letter
                everything  single      EventHandler  source: type.* (singleton)   discard
                everything  all         EventHandler  source: type (broadcast)     discard
                everything  each        EventHandler  source: type (broadcast)     retry up to 5 (after 1s, 2s, 4s, 8s), then dead letter
                everything  tick        Timer         every 30.0 seconds
                everything  begin       Once          at start

                QUEUE                                         FLAGS                            BOUND TO          ROUTING KEY                              DECLARED
                rpc-everything                                durable                          nameko-rpc        everything.*                             at start
                evt-source-type--everything.pool              durable                          source.events     type                                     at start
                evt-source-type.*                             durable, auto-delete             source.events     type.*                                   at start
                evt-source-type--everything.all-<id>          durable, exclusive, auto-delete  source.events     type                                     at start
                evt-source-type--everything.each-host-1       durable                          source.events     type                                     at start
                evt-source-type--everything.pool              durable                          enoki.retry       evt-source-type--everything.pool         at start
                enoki.lost                                    durable                          enoki.lost                                                 at start
                evt-source-type--everything.each-host-1       durable                          enoki.retry       evt-source-type--everything.each-host-1  at start
                rpc-everything                                durable                          enoki.retry       rpc-everything                           when needed
                enoki.retry.1000                              durable                          enoki.retry.1000                                           when needed
                enoki.retry.2000                              durable                          enoki.retry.2000                                           when needed
                enoki.retry.4000                              durable                          enoki.retry.4000                                           when needed
                enoki.retry.8000                              durable                          enoki.retry.8000                                           when needed
                evt-source-type--everything.pool.dead         durable                                                                                     when needed
                evt-source-type--everything.each-host-1.dead  durable                                                                                     when needed

                EXCHANGE          TYPE    FLAGS    DECLARED
                nameko-rpc        topic   durable  at start
                source.events     topic   durable  at start
                enoki.lost        fanout  durable  at start
                enoki.retry       direct  durable  at start
                enoki.retry.1000  fanout  durable  when needed
                enoki.retry.2000  fanout  durable  when needed
                enoki.retry.4000  fanout  durable  when needed
                enoki.retry.8000  fanout  durable  when needed
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
                SERVICE  ENTRYPOINT  KIND  CALLED BY  HANDLING
                s        o           Once  at start
                """
        )
    }

    // MARK: - How messages are handled

    struct Handled: Microservice {
        static let name = "handled"
        let entrypoints: [any Entrypoint]
    }

    private func report(_ entrypoints: [any Entrypoint], _ settings: ServiceSettings = .init()) throws -> String {
        let broker = InProcessBroker(logger: TestBroker.silent)
        let service = Handled(entrypoints: entrypoints)
        let host = try ServiceHost(broker: broker, services: [service], settings: settings, logger: TestBroker.silent)
        return ServicesReport(host.containers).text
    }

    @Test func saysHowEachIsHandledOnOneLine() throws {
        let seconds = { (seconds: Int) in Duration.seconds(seconds) }
        let cases: [(any Entrypoint, String)] = [
            (EventHandler("h", of: "s", "t") {}, "retry up to 5 (after 1s, 2s, 4s, 8s), then dead letter"),
            (EventHandler("h", of: "s", "t", onFailure: .deadLetter) {}, "dead letter"),
            (EventHandler("h", of: "s", "t", requeueOnError: true) {}, "requeue"),
            (EventHandler("h", of: "s", "t", mode: .broadcast) {}, "discard"),
            (
                EventHandler(
                    "h",
                    of: "s",
                    "t",
                    onFailure: .retry(upTo: 3, .fixed(.milliseconds(1500)), on: [.timeout], finally: .discard),
                    timeout: seconds(90),
                    concurrency: 1,
                    idempotency: .inMemory(for: seconds(7 * 86_400))
                ) {},
                "retry on timeouts up to 3 (after 1500ms), then discard; timeout 90s; concurrency 1; idempotent for 7d, in memory"
            ),
            (
                EventHandler(
                    "h",
                    of: "s",
                    "t",
                    onFailure: .retry(upTo: 20, .linear(from: seconds(60), maximum: seconds(600)), on: [.error]),
                    idempotency: Idempotency(store: InMemoryIdempotencyStore(), for: seconds(3600))
                ) {},
                "retry on errors up to 20 (after 1m, 2m, 3m, 4m, 5m, 6m, 7m, 8m, … 10m), then dead letter; "
                    + "idempotent for 1h, in InMemoryIdempotencyStore"
            ),
            (
                EventHandler("h", of: "s", "t", onFailure: .retry(upTo: 2, .none)) {},
                "retry up to 2 (at once), then dead letter"
            ),
            (RPC("h", timeout: seconds(2), method: { () -> Int in 1 }), "error to the caller; timeout 2s"),
            (
                RPC("h", onFailure: .retry(upTo: 2, .fixed(seconds(1))), concurrency: 3, method: { () -> Int in 1 }),
                "retry up to 2 (after 1s), then error to the caller and dead letter; concurrency 3"
            ),
            (Timer("h", every: seconds(1), timeout: seconds(5)) {}, "timeout 5s"),
            (
                EventHandler("h", of: "s", "t", onFailure: .deadLetter.pausing(), timeout: seconds(20)) {},
                "dead letter; timeout 20s; pauses when over 50% of 10 calls in 30s fail"
            ),
            (
                EventHandler(
                    "h",
                    of: "s",
                    "t",
                    onFailure: .deadLetter.pausing(KillSwitch(above: 0.99999)),
                    timeout: seconds(20)
                ) {},
                "dead letter; timeout 20s; pauses when over 99.99% of 10 calls in 30s fail"
            ),
        ]
        for (entrypoint, handling) in cases {
            let row = try self.report([entrypoint]).split(separator: "\n")[1]
            #expect(row.hasSuffix("  \(handling)"), "\(row)")
        }
    }

    /// The names in the first column of the table that begins with `head`, with when they are declared.
    private func declared(_ head: String, in report: String) -> [String: String] {
        let table = report.split(separator: "\n\n").first { $0.hasPrefix(head) } ?? ""
        let rows = table.split(separator: "\n").dropFirst().map { row in
            (String(row.prefix { $0 != " " }), row.hasSuffix("at start") ? "at start" : "when needed")
        }
        return Dictionary(rows) { first, _ in first }
    }

    @Test func whatIsListedIsWhatIsDeclared() async throws {
        // It fails, comes back at once, waits once, and is given up.
        let handler = EventHandler("h", of: "s", "t", onFailure: .retry(upTo: 2, .fixed(.seconds(3)))) {
            throw ConfigurationError("as it is to")
        }
        let clock = VirtualClock()
        let broker = InProcessBroker(clock: clock)
        let service = Handled(entrypoints: [handler, RPC("r", method: { () -> Int in 1 })])
        var settings = ServiceSettings()
        settings.deliveryLimit = 0
        let host = try ServiceHost(
            broker: broker,
            services: [service],
            settings: settings,
            clock: clock,
            logger: TestBroker.silent
        )
        let report = ServicesReport(host.containers).text
        let (queues, exchanges) = (self.declared("QUEUE", in: report), self.declared("EXCHANGE", in: report))
        let atStart = ["rpc-handled", "evt-s-t--handled.h", "enoki.lost"]
        #expect(queues.filter { $0.value == "at start" }.keys.sorted() == atStart.sorted())
        #expect(
            queues.filter { $0.value == "when needed" }.keys.sorted() == [
                "enoki.retry.3000", "evt-s-t--handled.h.dead",
            ]
        )
        try await withTaskExecutorPreference(clock.executor) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await host.run() }
                await clock.advance(by: .seconds(1))
                #expect(Set(broker.snapshot().queues.map(\.queue.name)) == Set(atStart))
                try await broker.connect(name: "publisher").publish(Message("{}"), to: "s.events", routingKey: "t")
                await clock.advance(by: .seconds(10))
                #expect(Set(broker.snapshot().queues.map(\.queue.name)) == Set(queues.keys))
                #expect(Set(broker.snapshot().exchanges.map(\.name)).isSuperset(of: exchanges.keys))
                group.cancelAll()
            }
        }
    }
}
