import EnokiInProcess
import EnokiTestSupport
import EnokiTesting
import Testing

@testable import Enoki

/// Services on a broker that takes no messages for a while, or is away, and delivers all the same.
@Suite(.timeLimit(.minutes(5))) struct BlockedBrokerTests {
    /// Waits for the test, and then does what needs the broker.
    private struct Clerk: Microservice {
        static let name = "clerk"
        static let deadLetters = "evt-press-published--clerk.on_published.dead"
        let events = EventDispatcher()
        let begun = Shelf<String>()
        let gate = Latch()
        var timeout: Duration?

        var entrypoints: [any Entrypoint] {
            RPC("work") { () async throws -> Int in
                begun.put("work")
                await gate.wait()
                return 7
            }
            EventHandler("on_published", onFailure: .deadLetter, timeout: timeout) { (event: Published) in
                begun.put(event.title)
                await gate.wait()
                try await events.dispatch("filed", event.title)
                throw Reject(reason: "filed for good")
            }
        }
    }

    @Test func aMethodIsRunOnceHoweverLongItsReplyHasToWait() async throws {
        let clerk = Clerk()
        try await withServices(clerk) { cluster in
            async let reply: Int = cluster.rpc("clerk", timeout: .seconds(1000)).work()
            try await eventually("it runs") { !clerk.begun.elements.isEmpty }
            try cluster.server().block()
            clerk.gate.open()
            await cluster.clock.advance(by: .seconds(300))
            #expect(clerk.begun.elements == ["work"])
            try cluster.server().unblock()
            await cluster.clock.advance(by: .seconds(60))
            let seven = try await reply
            #expect(seven == 7)
            #expect(clerk.begun.elements == ["work"])
        }
    }

    /// A request of `clerk.work`, of a caller who waits so long.
    private static func request(waiting timeout: Duration?) -> Message {
        var headers = Headers()
        headers[CallContext.timeoutHeader] = timeout.map { .int64($0.wholeMilliseconds) }
        return Message(
            #"{"args": [], "kwargs": {}}"#,
            properties: BasicProperties(
                headers: headers,
                correlationID: "1",
                replyTo: "9b3a1e3c-6a3e-4f0e-9d2f-0c6f6e1f8a11"
            )
        )
    }

    @Test func aReplyWaitsNoLongerThanItsCaller() async throws {
        let clerk = Clerk()
        try await withServices(clerk) { cluster in
            let request = Self.request(waiting: .seconds(100))
            try await cluster.broker.publish(request, to: "nameko-rpc", routingKey: "clerk.work")
            try await eventually("it runs") { !clerk.begun.elements.isEmpty }
            try cluster.server().block()
            clerk.gate.open()
            await cluster.clock.advance(by: .seconds(90))
            #expect(try cluster.snapshot()[queue: "rpc-clerk"]?.unsettledCount == 1)
            await cluster.clock.advance(by: .seconds(90))
            #expect(try cluster.snapshot()[queue: "rpc-clerk"]?.unsettledCount == 0)
            #expect(clerk.begun.elements == ["work"])
            try cluster.server().unblock()
        }
    }

    @Test func aPublishEndsWithTheTimeOfItsCallAndNoWorkerLeaks() async throws {
        let clerk = Clerk(timeout: .seconds(5))
        try await withServices(clerk) { cluster in
            try await cluster.dispatch(Published(title: "a"))
            try await eventually("it runs") { !clerk.begun.elements.isEmpty }
            try cluster.server().block()
            clerk.gate.open()
            await cluster.clock.advance(by: .seconds(10))
            #expect(try cluster.container(of: Clerk.self).leakedCalls == 0)
            try cluster.server().unblock()
            await cluster.clock.advance(by: .seconds(60))
            let letter = try #require(try await cluster.takeMessage(from: Clerk.deadLetters))
            #expect(DeadLetter(letter.properties.headers)?.reason == .timeout)
        }
    }

    @Test func aConfirmThatIsLateMakesNoSecondDeadLetter() async throws {
        let clerk = Clerk()
        clerk.gate.open()
        // The event, what the clerk dispatches, and the dead letter.
        let late = FaultPlan((1...3).map { Fault.delayConfirm(of: .publish($0), by: .seconds(300)) })
        try await withServices(clerk, faults: late) { cluster in
            async let published: Void = cluster.dispatch(Published(title: "a"))
            for _ in 0..<20 { await cluster.clock.advance(by: .seconds(60)) }
            _ = try? await published
            try await eventually("it is settled") {
                try cluster.snapshot()[queue: "evt-press-published--clerk.on_published"]?.unsettledCount == 0
            }
            #expect(try cluster.snapshot()[queue: Clerk.deadLetters]?.ready.count == 1)
        }
    }

    @Test func aStopDoesNotWaitForABrokerThatTakesNothing() async throws {
        let clock = VirtualClock()
        let server = InProcessBroker(clock: clock, logger: TestBroker.silent)
        let clerk = Clerk()
        let host = try ServiceHost(
            broker: server.connect(name: "host"),
            services: [clerk],
            clock: clock,
            logger: TestBroker.silent
        )
        try await withTaskExecutorPreference(clock.executor) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await server.run() }
                defer { group.cancelAll() }
                try await withThrowingTaskGroup(of: Void.self) { hosts in
                    let hasStopped = Latch()
                    hosts.addTask {
                        defer { hasStopped.open() }
                        try await host.run()
                    }
                    try await host.waitUntilStarted()
                    let request = Self.request(waiting: nil)
                    try await server.publish(request, to: "nameko-rpc", routingKey: "clerk.work")
                    try await eventually("it runs") { !clerk.begun.elements.isEmpty }
                    server.block()
                    clerk.gate.open()
                    host.stop()
                    let start = clock.now
                    try await eventually("it has stopped") {
                        await clock.advance(by: .milliseconds(100))
                        return hasStopped.isOpen
                    }
                    // The grace period is 25 seconds.
                    #expect(start.duration(to: clock.now) < .seconds(10))
                    try await hosts.waitForAll()
                }
                // Nobody took the reply: the request is there for another.
                #expect(server.snapshot()[queue: "rpc-clerk"]?.ready.count == 1)
            }
        }
    }

    // MARK: - The start

    /// Cuts the broker off while its service starts.
    private final class Saboteur: DependencyProvider {
        let server: InProcessBroker
        let hasStopped = Latch()

        init(_ server: InProcessBroker) { self.server = server }

        func start() async throws {
            self.server.stop()
            self.hasStopped.open()
        }
    }

    private struct Sabotaged: Microservice {
        static let name = "sabotaged"
        let saboteur: Saboteur

        var entrypoints: [any Entrypoint] {
            RPC("answer") { () async throws -> Int in 42 }
            EventHandler("on_published", of: "press", "published") { (_: Published) in }
        }
    }

    private func startWithoutABroker(
        _ body: (ServiceHost, InProcessBroker, VirtualClock) async throws -> Void
    ) async throws {
        let clock = VirtualClock()
        let server = InProcessBroker(clock: clock, logger: TestBroker.silent)
        let saboteur = Saboteur(server)
        let host = try ServiceHost(
            broker: server.connect(name: "host"),
            services: [Sabotaged(saboteur: saboteur)],
            clock: clock,
            logger: TestBroker.silent
        )
        try await withTaskExecutorPreference(clock.executor) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await server.run() }
                defer { group.cancelAll() }
                try await withThrowingTaskGroup(of: Void.self) { hosts in
                    hosts.addTask { try await host.run() }
                    await saboteur.hasStopped.wait()
                    try await body(host, server, clock)
                    try await hosts.waitForAll()
                }
            }
        }
    }

    @Test func aBrokerThatGoesAwayWhileAServiceStartsIsAskedAgain() async throws {
        try await self.startWithoutABroker { host, server, clock in
            // Longer than any question waits for its answer.
            for _ in 0..<10 { await clock.advance(by: .seconds(30)) }
            server.start()
            try await eventually("the service answers") {
                await clock.advance(by: .seconds(1))
                return host.containers.allSatisfy(\.isStarted)
            }
            let answer: Int = try await host.rpc("sabotaged").answer()
            #expect(answer == 42)
            host.stop()
        }
    }

    @Test func aServiceThatStartsWithoutABrokerStopsAtOnce() async throws {
        try await self.startWithoutABroker { host, _, _ in
            // No time passes, and it is no failure.
            host.stop()
        }
    }
}
