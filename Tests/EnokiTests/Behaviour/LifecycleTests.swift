import EnokiTestSupport
import EnokiTesting
import Logging
import ServiceLifecycle
import Testing

@testable import Enoki

/// How hosts and their services stop.
@Suite struct LifecycleTests {
    /// Methods that end when the test wants.
    private struct Gated: Microservice {
        static let name = "gated"
        static let queue = "evt-press-published--gated.on_event"
        let entered = Shelf<Int>()
        let gate = Latch()
        var ignoresCancellation = false

        var entrypoints: [any Entrypoint] {
            RPC("pass", "number", method: pass)
            EventHandler("on_event", of: "press", "published") { (_: Published) in _ = try await pass(number: 0) }
        }

        func pass(number: Int) async throws -> Int {
            self.entered.put(number)
            await self.gate.wait()
            try Task.checkCancellation()
            return number
        }
    }

    @Test(arguments: TestBroker.allCases) func noMoreCallsRunAtOnceThanThereAreWorkers(_ broker: TestBroker)
        async throws
    {
        let gated = Gated()
        var settings = ServiceSettings()
        settings.maxWorkers = 3
        let limited = settings
        try await withServices(gated, on: broker, settings: limited) { cluster in
            try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<20 { group.addTask { try await cluster.rpc("gated").pass(number: number) } }
                try await eventually("three calls run") { gated.entered.elements.count == 3 }
                // The others were delivered, up to the prefetch, and wait for a worker.
                try await eventually("the prefetch is full") {
                    try await cluster.broker.inspect(queue: "rpc-gated").messageCount == 20 - 6
                }
                #expect(gated.entered.elements.count == 3)
                gated.gate.open()
                let results = try await group.reduce(into: []) { $0.append($1) }
                #expect(results.sorted() == Array(0..<20))
            }
        }
    }

    @Test(arguments: TestBroker.allCases)
    func aGracefulStopFinishesWhatRunsAndGivesBackTheRest(_ broker: TestBroker) async throws {
        var settings = ServiceSettings()
        settings.maxWorkers = 2
        let limited = settings
        try await broker.withConnections { connect in
            let gated = Gated()
            let host = try ServiceHost(
                broker: connect(),
                services: [gated],
                settings: limited,
                logger: TestBroker.silent
            )
            try await withServices(connect: connect) { cluster in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await host.run() }
                    try await host.waitUntilStarted()
                    for _ in 0..<10 { try await cluster.dispatch(Published(title: "News")) }
                    try await eventually("two handlers run") { gated.entered.elements.count == 2 }
                    host.stop()
                    try await eventually("what was not begun is back in the queue") {
                        try await cluster.broker.inspect(queue: "evt-press-published--gated.on_event").messageCount == 8
                    }
                    gated.gate.open()
                    try await group.waitForAll()
                }
                #expect(gated.entered.elements.count == 2)
                try await eventually("the two are acknowledged, the others are not") {
                    try await cluster.broker.inspect(queue: "evt-press-published--gated.on_event")
                        == QueueStatus(name: "evt-press-published--gated.on_event", messageCount: 8, consumerCount: 0)
                }
            }
        }
    }

    @Test(arguments: TestBroker.allCases)
    func aCallThatOutlastsTheGraceIsCancelledAndItsMessageGoesBack(_ broker: TestBroker) async throws {
        var settings = ServiceSettings()
        settings.shutdownGrace = .milliseconds(20)
        let hasty = settings
        try await broker.withConnections { connect in
            let gated = Gated()
            let log = LogRecorder()
            let host = try ServiceHost(broker: connect(), services: [gated], settings: hasty, logger: log.logger)
            try await withServices(connect: connect) { cluster in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await host.run() }
                    try await host.waitUntilStarted()
                    try await cluster.dispatch(Published(title: "News"))
                    try await eventually("the handler runs") { gated.entered.elements.count == 1 }
                    host.stop()
                    let error = await #expect(throws: GracePeriodExceeded.self) { try await group.waitForAll() }
                    #expect(error?.calls == 1)
                }
                try await eventually("the event is back") {
                    try await cluster.broker.inspect(queue: Gated.queue).messageCount == 1
                }
                // Itself, and not a copy for another attempt.
                let event = try #require(try await cluster.takeMessage(from: Gated.queue))
                #expect(event.properties.headers[FailureHeaders.attempts] == nil)
                #expect(event.properties.headers[FailureHeaders.queue] == nil)
                let line = try await log.entry(containing: "on_event was cancelled by the container's stop")
                #expect(event.properties.messageID != nil)
                #expect(line.metadata["message_id"] == event.properties.messageID)
            }
        }
    }

    // MARK: - A broker that says nothing any more

    /// Runs a service with one worker, which is at work on the first of three events, on a broker that falls silent then.
    private func withSilentBroker(
        _ broker: TestBroker,
        grace: Duration,
        _ body: (Gated, ServiceHost, _ run: @escaping @Sendable () async -> (any Error)?) async throws -> Void
    ) async throws {
        var settings = ServiceSettings()
        settings.shutdownGrace = grace
        settings.maxWorkers = 1
        settings.prefetch = 3
        let tight = settings
        try await broker.withMutableConnections { connect, mute in
            let gated = Gated()
            let host = try ServiceHost(broker: connect(), services: [gated], settings: tight, logger: TestBroker.silent)
            let outcome = Locked<Result<Void, any Error>?>(nil)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    let result: Result<Void, any Error>
                    do { result = .success(try await host.run()) } catch { result = .failure(error) }
                    outcome.withLock { $0 = result }
                }
                defer { group.cancelAll() }
                try await host.waitUntilStarted()
                for title in ["1", "2", "3"] { try await host.dispatch(Published(title: title)) }
                try await eventually("a handler runs") { gated.entered.elements.count == 1 }
                try await eventually("the others are in hand", equals: 0) {
                    try await host.process.broker.inspect(queue: Gated.queue).messageCount
                }
                mute()
                try await body(gated, host) {
                    _ = try? await eventually("it has ended", within: .seconds(60)) { outcome.withLock { $0 != nil } }
                    if case .failure(let error) = outcome.withLock({ $0 }) { return error }
                    return outcome.withLock { $0 == nil ? RunsStill() : nil }
                }
            }
        }
    }

    private struct RunsStill: Error {}

    @Test(arguments: TestBroker.reachable) func callsHaveTheirGraceAndNoMoreWhenTheBrokerIsSilent(_ broker: TestBroker)
        async throws
    {
        try await self.withSilentBroker(broker, grace: .seconds(1)) { gated, host, ended in
            host.stop()
            let error = await ended()
            #expect(error is GracePeriodExceeded, "\(String(describing: error))")
            #expect(gated.entered.elements.count == 1)
        }
    }

    @Test(arguments: TestBroker.reachable)
    func noCallBeginsAfterTheStopThoughTheBrokerIsSilent(_ broker: TestBroker) async throws {
        try await self.withSilentBroker(broker, grace: .seconds(600)) { gated, host, ended in
            host.stop()
            gated.gate.open()
            let error = await ended()
            #expect(error == nil)
            #expect(gated.entered.elements.count == 1)
        }
    }

    @Test(arguments: TestBroker.allCases) func aKilledHostGivesItsMessagesBack(_ broker: TestBroker) async throws {
        try await broker.withConnections { connect in
            let gated = Gated()
            let host = try ServiceHost(broker: connect(), services: [gated], logger: TestBroker.silent)
            try await withServices(connect: connect) { cluster in
                await withTaskGroup(of: Void.self) { group in
                    group.addTask { try? await host.run() }
                    await #expect(throws: Never.self) {
                        try await host.waitUntilStarted()
                        try await cluster.dispatch(Published(title: "News"))
                        try await eventually("the handler runs") { gated.entered.elements.count == 1 }
                    }
                    group.cancelAll()
                }
                try await eventually("the event is back") {
                    try await cluster.broker.inspect(queue: "evt-press-published--gated.on_event").messageCount == 1
                }
            }
        }
    }

    @Test(arguments: TestBroker.allCases)
    func aHostThatIsKilledWhileItStopsSaysThatItWasKilled(_ broker: TestBroker) async throws {
        struct Endless: Microservice {
            static let name = "endless"
            let diary = Diary("diary")
            let gated = Gated()
            var entrypoints: [any Entrypoint] { RPC("pass", "number", method: gated.pass) }
        }
        try await broker.withConnections { connect in
            let endless = Endless()
            let host = try ServiceHost(broker: connect(), services: [endless], logger: TestBroker.silent)
            try await withServices(connect: connect) { cluster in
                let ending = Shelf<String>()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        do {
                            try await host.run()
                            ending.put("stopped")
                        } catch {
                            ending.put("\(type(of: error))")
                        }
                    }
                    try await host.waitUntilStarted()
                    let properties = BasicProperties(contentType: "application/json")
                    let request = Message(#"{"args": [1], "kwargs": {}}"#, properties: properties)
                    try await cluster.broker.publish(request, to: "nameko-rpc", routingKey: "endless.pass")
                    try await eventually("the method runs") { endless.gated.entered.elements.count == 1 }
                    host.stop()
                    try await eventually("it stops", equals: 0) {
                        try await cluster.broker.inspect(queue: "rpc-endless").consumerCount
                    }
                    group.cancelAll()
                }
                #expect(ending.elements == ["CancellationError"])
                #expect(endless.diary.entries.elements.last == "kill")
            }
        }
    }

    @Test func callsThatWaitForAReplyEndWithTheirHost() async throws {
        struct Doomed: Microservice {
            static let name = "doomed"
            let alarm = Alarm()
            final class Alarm: DependencyProvider {
                let rings = Latch()
                func run() async throws {
                    await self.rings.wait()
                    throw Boom(reason: "alarm")
                }
            }
            var entrypoints: [any Entrypoint] {}
        }
        try await TestBroker.inProcess.withConnections { connect in
            let gated = Gated()
            try await withServices(gated, connect: connect) { _ in
                let doomed = Doomed()
                let host = try ServiceHost(broker: connect(), services: [doomed], logger: TestBroker.silent)
                let ended = Shelf<String>()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { await #expect(throws: Boom.self) { try await host.run() } }
                    try await host.waitUntilStarted()
                    group.addTask {
                        do {
                            let _: Int = try await host.rpc("gated").pass(number: 1)
                        } catch {
                            ended.put("\(type(of: error))")
                        }
                    }
                    try await eventually("the call is made") { gated.entered.elements.count == 1 }
                    doomed.alarm.rings.open()
                    defer { group.cancelAll() }
                    try await eventually("the call has ended", equals: ["BrokerError"]) { ended.elements }
                }
                gated.gate.open()
            }
        }
    }

    @Test func aHostRunsInAServiceGroup() async throws {
        let diary = Diary("diary")
        let host = try ServiceHost(
            broker: InProcessBroker(),
            services: [Journal(diary: diary)],
            logger: TestBroker.silent
        )
        let group = ServiceGroup(services: [host], logger: TestBroker.silent)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            try await host.waitUntilStarted()
            let value: String = try await host.rpc("journal").value()
            #expect(value == "for value")
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
        #expect(diary.entries.elements.last == "stop")
    }

    @Test func aContainerRunsInAServiceGroupBesideItsHost() async throws {
        let diary = Diary("diary")
        let host = try ServiceHost(broker: InProcessBroker(), logger: TestBroker.silent)
        let container = try ServiceContainer(Journal(diary: diary), host: host)
        let group = ServiceGroup(services: [host, container], logger: TestBroker.silent)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            try await eventually("the service answers") {
                let value: String? = try? await host.rpc("journal").value()
                return value == "for value"
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
        #expect(diary.entries.elements.last == "stop")
    }
}
