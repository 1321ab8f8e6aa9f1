import Enoki
import EnokiTestSupport
import EnokiTesting
import Testing

/// What cannot work is refused before the first message, with the reason and the remedy.
@Suite struct ConfigurationErrorTests {
    private func error<Service: Microservice>(of services: Service...) -> String? {
        do {
            _ = try ServiceHost(broker: InProcessBroker(), services: services, logger: TestBroker.silent)
            return nil
        } catch {
            return (error as? ConfigurationError)?.message ?? "\(error)"
        }
    }

    /// A service of one entrypoint.
    private struct Single: Microservice {
        static let name = "single"
        let entrypoint: any Entrypoint
        var entrypoints: [any Entrypoint] { entrypoint }
        init(_ entrypoint: any Entrypoint) { self.entrypoint = entrypoint }
    }

    @Test func twoServicesOfOneName() {
        #expect(
            self.error(of: Calculator(), Calculator())
                == "two services are named 'calculator': a process hosts one of each name"
        )
    }

    @Test func twoEntrypointsOfOneName() {
        struct Twins: Microservice {
            static let name = "twins"
            var entrypoints: [any Entrypoint] {
                RPC("same") { 1 }
                Once("same") {}
            }
        }
        #expect(self.error(of: Twins()) == "service 'twins' has two entrypoints named 'same': give each its own name")
    }

    @Test func anEntrypointWithoutAName() {
        #expect(self.error(of: Single(Once("") {})) == "an entrypoint of service 'single' has an empty name")
    }

    @Test func aNameThatCannotBeAService() {
        struct Dotted: Microservice {
            static let name = "a.b"
            var entrypoints: [any Entrypoint] { Once("noop") {} }
        }
        struct Nameless: Microservice {
            static let name = ""
            var entrypoints: [any Entrypoint] { Once("noop") {} }
        }
        #expect(self.error(of: Dotted())?.hasPrefix("'a.b' cannot be the name of a service") == true)
        #expect(self.error(of: Nameless())?.hasPrefix("'' cannot be the name of a service") == true)
    }

    @Test func anEventHandlerWithoutATypeOrASource() {
        let noType = EventHandler("on_event", of: "press", "") {}
        #expect(
            self.error(of: Single(noType))
                == "event handler 'on_event' of service 'single' has an empty event type: name the type, or '#' for all"
        )
        let noSource = EventHandler("on_event", of: "", "published") {}
        #expect(self.error(of: Single(noSource))?.contains("names no source") == true)
    }

    @Test func reliableDeliveryToAProcess() throws {
        let handler = EventHandler("on_event", of: "press", "published", mode: .broadcast, reliableDelivery: true) {}
        let message = try #require(self.error(of: Single(handler)))
        #expect(
            message.contains("you cannot specify `reliableDelivery` with a broadcast whose identifier is the process's")
        )
        #expect(message.contains(".broadcast(.hostname)"))
    }

    @Test func twoNamesForWhatBecomesOfAFailure() {
        let handler = EventHandler("on_event", of: "press", "published", onFailure: .discard, requeueOnError: true) {}
        #expect(
            self.error(of: Single(handler))
                == "event handler 'on_event' of service 'single' has both `onFailure` and `requeueOnError`: leave out "
                + "`requeueOnError`, which is nameko's name for onFailure: .requeue"
        )
        #expect(
            self.error(of: Single(EventHandler("on_event", of: "press", "published", requeueOnError: true) {})) == nil
        )
    }

    @Test func retriesOrDeadLettersOfAQueueThatEndsWithItsConsumers() {
        for policy in [FailurePolicy.default, .deadLetter, .retry(upTo: 2, finally: .discard)] {
            let broadcast = EventHandler("on_event", of: "press", "published", mode: .broadcast, onFailure: policy) {}
            #expect(self.error(of: Single(broadcast))?.contains("a queue that ends with its consumers") == true)
            let careless = EventHandler(
                "on_event",
                of: "press",
                "published",
                reliableDelivery: false,
                onFailure: policy
            ) {}
            #expect(self.error(of: Single(careless))?.contains("use onFailure: .discard or .requeue") == true)
        }
        // By default such a handler logs and drops.
        #expect(self.error(of: Single(EventHandler("on_event", of: "press", "published", mode: .broadcast) {})) == nil)
    }

    @Test func aQueueThatWouldPassForDeadLetters() {
        let handler = EventHandler("dead", of: "press", "published") {}
        #expect(
            self.error(of: Single(handler)) == """
                event handler 'dead' of service 'single' would consume the queue 'evt-press-published--single.dead', and what ends in \
                '.dead' are dead letters: a command that discards those would discard its events. Give the handler another name
                """
        )
        let singleton = EventHandler("on_event", of: "press", "cell.dead", mode: .singleton) {}
        #expect(self.error(of: Single(singleton))?.contains("'evt-press-cell.dead'") == true)
        #expect(self.error(of: Single(EventHandler("on_event", of: "press", "cell.dead") {})) == nil)
        #expect(self.error(of: Single(EventHandler("on_dead", of: "press", "published") {})) == nil)
    }

    @Test func aRequestIsNotRequeued() {
        for policy in [FailurePolicy.requeue, .retry(upTo: 2, finally: .requeue)] {
            let method = RPC("add", onFailure: policy) { 1 }
            #expect(
                self.error(of: Single(method))?.hasPrefix(
                    "RPC method 'add' of service 'single' is to requeue requests that fail"
                ) == true
            )
        }
        #expect(self.error(of: Single(RPC("add", onFailure: .retry(upTo: 2)) { 1 })) == nil)
        #expect(self.error(of: Single(RPC("add", onFailure: .retry(upTo: -1)) { 1 })) != nil)
    }

    @Test(arguments: [Duration.zero, .seconds(-1), .seconds(4_000_001)]) func aTimeoutThatIsNone(_ timeout: Duration) {
        let entrypoints: [any Entrypoint] = [
            EventHandler("on_event", of: "press", "published", timeout: timeout) {}, RPC("add", timeout: timeout) { 1 },
            Timer("tick", every: .seconds(1), timeout: timeout) {},
        ]
        for entrypoint in entrypoints {
            #expect(self.error(of: Single(entrypoint))?.contains("has the timeout \(timeout)") == true)
        }
    }

    @Test(arguments: [0, -1, 65_536]) func aConcurrencyThatIsNone(_ concurrency: Int) {
        let entrypoints: [any Entrypoint] = [
            EventHandler("on_event", of: "press", "published", concurrency: concurrency) {},
            RPC("add", concurrency: concurrency) { 1 },
        ]
        for entrypoint in entrypoints {
            #expect(self.error(of: Single(entrypoint))?.contains("has the concurrency \(concurrency)") == true)
        }
    }

    @Test(arguments: [0, -1, 1001]) func aPolicyThatCannotWork(_ attempts: Int) {
        let handler = EventHandler("on_event", of: "press", "published", onFailure: .retry(upTo: attempts)) {}
        let handlerName = "event handler 'on_event' of service 'single'"
        let error = "\(handlerName) is to be tried up to \(attempts) times: give 1 to 1000"
        #expect(self.error(of: Single(handler)) == error)
    }

    @Test(arguments: [1, 1000]) func aPolicyOfSoManyAttemptsCanWork(_ attempts: Int) {
        let handler = EventHandler("on_event", of: "press", "published", onFailure: .retry(upTo: attempts)) {}
        #expect(self.error(of: Single(handler)) == nil)
    }

    @Test func aBroadcastIdentifierThatIsNotConfigured() {
        let handler = EventHandler("on_event", of: "press", "published", mode: .broadcast(.configuration(key: "who"))) {
        }
        #expect(self.error(of: Single(handler))?.hasSuffix("set the configuration's 'who'") == true)
        let empty = EventHandler("on_event", of: "press", "published", mode: .broadcast(.fixed(""))) {}
        #expect(self.error(of: Single(empty)) != nil)
    }

    @Test func parametersAndNamesThatDoNotAgree() {
        let method = RPC("add", "a") { (a: Int, b: Int) in a + b }
        #expect(
            self.error(of: Single(method))
                == "RPC method 'add' of service 'single' has 2 parameters and 1 names (a): name each parameter"
        )
    }

    @Test func twoParametersOfOneName() {
        let method = RPC("add", "a", "a") { (a: Int, b: Int) in a + b }
        #expect(
            self.error(of: Single(method))
                == "RPC method 'add' of service 'single' names two parameters 'a': give each its own name"
        )
    }

    @Test func aMethodWithADotInItsName() {
        #expect(self.error(of: Single(RPC("a.b") { 1 }))?.contains("no request would arrive") == true)
    }

    @Test func aContractOfAnotherService() {
        let method = RPC { (square: Square) in square.number }
        #expect(self.error(of: Single(method))?.contains("has a contract of service 'calculator'") == true)
    }

    @Test func aTimerWithoutAnInterval() {
        #expect(self.error(of: Single(Timer("tick", every: .zero) {}))?.contains("give more than zero") == true)
    }

    @Test func settingsOutOfRange() {
        func error(_ change: (inout ServiceSettings) -> Void) -> String? {
            var settings = ServiceSettings()
            change(&settings)
            do {
                _ = try ServiceHost(broker: InProcessBroker(), settings: settings, logger: TestBroker.silent)
                return nil
            } catch {
                return "\(error)"
            }
        }
        #expect(error { $0.maxWorkers = 0 }?.hasPrefix("max_workers is 0") == true)
        #expect(error { $0.prefetch = 0 }?.hasPrefix("PREFETCH_COUNT is 0") == true)
        #expect(error { $0.prefetch = 70_000 }?.hasPrefix("PREFETCH_COUNT is 70000") == true)
        #expect(error { $0.rpcTimeout = .zero }?.hasPrefix("rpc_timeout is") == true)
        #expect(error { $0.parentCallsTracked = -1 }?.hasPrefix("parent_calls_tracked is -1") == true)
        #expect(error { $0.handlerTimeout = .seconds(-1) }?.hasPrefix("handler_timeout is") == true)
        #expect(error { $0.handlerTimeout = .seconds(4_000_001) }?.hasPrefix("handler_timeout is") == true)
        #expect(error { $0.handlerTimeout = .zero } == nil)
        #expect(error { $0.shutdownGrace = .seconds(-1) }?.hasPrefix("shutdown_grace is") == true)
        #expect(error { $0.deliveryLimit = -1 }?.hasPrefix("delivery_limit is -1") == true)
        #expect(error { $0.deliveryLimit = 1001 }?.hasPrefix("delivery_limit is 1001") == true)
        #expect(error { $0.deliveryLimit = 0 } == nil)
        #expect(error { $0.rpcExchange = "" }?.hasPrefix("rpc_exchange must be") == true)
        #expect(error { $0.maxWorkers = 100_000 } == nil)
    }

    @Test func oneDispatcherForTwoServices() async throws {
        struct Left: Microservice {
            static let name = "left"
            let events: EventDispatcher
            var entrypoints: [any Entrypoint] { Once("noop") {} }
        }
        struct Right: Microservice {
            static let name = "right"
            let events: EventDispatcher
            var entrypoints: [any Entrypoint] { Once("noop") {} }
        }
        let shared = EventDispatcher()
        await #expect(throws: ConfigurationError.self) {
            try await withServices(Left(events: shared), Right(events: shared)) { _ in }
        }
    }
}
