import EnokiTestSupport
import EnokiTesting
import Logging
import Testing

@testable import Enoki

/// Calls that take too long, by the test's clock.
@Suite(.timeLimit(.minutes(5))) struct TimeoutTests {
    private struct Slow: Microservice {
        static let name = "slow"
        static let queue = "evt-press-published--slow.on_published"
        let attempts = Shelf<Int>()
        let waiting = Waiting()
        var policy = FailurePolicy.deadLetter
        let work: @Sendable (Waiting, Int) async throws -> Void

        init(_ policy: FailurePolicy = .deadLetter, _ work: @escaping @Sendable (Waiting, Int) async throws -> Void) {
            self.policy = policy
            self.work = work
        }

        var entrypoints: [any Entrypoint] {
            EventHandler("on_published", onFailure: policy, timeout: .seconds(10)) { (_: Published) in
                try await call()
            }
            RPC("ask", timeout: .seconds(10)) { () async throws -> Int in
                try await call()
                return 1
            }
            Timer("tick", every: .seconds(3600), timeout: .seconds(10)) { try await call() }
        }

        private func call() async throws {
            let attempt = WorkerContext.current?.attempt ?? 0
            self.attempts.put(attempt)
            try await self.work(self.waiting, attempt)
        }
    }

    /// Ends when it is cancelled.
    private static let obedient: @Sendable (Waiting, Int) async throws -> Void = { _, _ in
        await Latch().wait()
        try Task.checkCancellation()
    }

    private func letter(_ cluster: Cluster) throws -> DeadLetter? {
        try cluster.snapshot()[queue: Slow.queue + ".dead"]?.ready.first.flatMap { DeadLetter($0.properties.headers) }
    }

    @Test func aCallIsCancelledAtItsTimeout() async throws {
        try await withServices(Slow(.deadLetter, Self.obedient)) { cluster in
            try await cluster.dispatch(Published(title: "News"))
            await cluster.clock.advance(by: .milliseconds(9_999))
            #expect(try self.letter(cluster) == nil)
            await cluster.clock.advance(by: .milliseconds(1))
            let letter = try #require(try self.letter(cluster))
            #expect(letter.reason == .timeout)
            #expect(letter.errorType == "enoki.HandlerTimeout")
            #expect(letter.error == "on_published took longer than 10.0 seconds")
            let call = try #require(cluster.calls.first)
            #expect(call.error is HandlerTimeout)
            #expect("\(call)".contains("timed out after 10.0 seconds"))
        }
    }

    @Test func aCallThatEndsInTimeIsNotTouched() async throws {
        let slow = Slow { waiting, _ in await waiting.wait() }
        try await withServices(slow) { cluster in
            try await cluster.dispatch(Published(title: "News"))
            await cluster.clock.advance(by: .seconds(9))
            slow.waiting.release()
            await cluster.clock.advance(by: .seconds(60))
            let call = try #require(cluster.calls.first)
            #expect(call.error == nil)
            #expect(try self.letter(cluster) == nil)
        }
    }

    @Test func whatReturnsAfterItsTimeHasFailedAllTheSame() async throws {
        // As one does that ignores the error of a sleep that was cut short.
        try await withServices(Slow { _, _ in await Latch().wait() }) { cluster in
            try await cluster.dispatch(Published(title: "News"))
            await cluster.clock.advance(by: .seconds(10))
            #expect(try self.letter(cluster)?.reason == .timeout)
        }
    }

    @Test func aTimeoutIsRetriedWhereThePolicySaysSo() async throws {
        let retried = Slow(.retry(upTo: 3, .fixed(.seconds(1)), on: [.timeout]), Self.obedient)
        try await withServices(retried) { cluster in
            try await cluster.dispatch(Published(title: "News"))
            await cluster.clock.advance(by: .milliseconds(31_999))
            #expect(try self.letter(cluster) == nil)
            await cluster.clock.advance(by: .milliseconds(1))
            #expect(try self.letter(cluster)?.attempts == 3)
            #expect(retried.attempts.elements == [1, 2, 3])
        }
        let given = Slow(.retry(upTo: 3, .fixed(.seconds(1)), on: [.error]), Self.obedient)
        try await withServices(given) { cluster in
            try await cluster.dispatch(Published(title: "News"))
            await cluster.clock.advance(by: .seconds(60))
            #expect(given.attempts.elements == [1])
            #expect(try self.letter(cluster)?.attempts == 1)
        }
    }

    @Test func aCallThatIgnoresItsCancellationIsReportedAndItsMessageDoesNotWaitForIt() async throws {
        let log = LogRecorder()
        let slow = Slow(.retry(upTo: 2, .fixed(.seconds(1)))) { waiting, attempt in
            if attempt == 1 { await waiting.wait() }
        }
        try await withServices(slow, logger: log.logger) { cluster in
            let message = Message(
                #"{"title": "News"}"#,
                properties: BasicProperties(contentType: "application/json", messageID: "m-1")
            )
            try await cluster.broker.publish(message, to: "press.events", routingKey: "published")
            await cluster.clock.advance(by: .milliseconds(14_999))
            #expect(slow.waiting.leakedCalls == 0)
            await cluster.clock.advance(by: .milliseconds(1))
            #expect(slow.waiting.leakedCalls == 1)
            let entry = try #require(log.entries.first { $0.message.contains("has leaked") })
            #expect(entry.level == .error)
            #expect(entry.message.hasPrefix("on_published ignores that it was cancelled"))
            #expect(entry.metadata["message_id"] == "m-1")
            #expect(entry.metadata["leaked"] == "1")
            // The second attempt succeeds beside it.
            await cluster.clock.advance(by: .seconds(1))
            #expect(slow.attempts.elements == [1, 2])
            #expect(try cluster.snapshot()[queue: Slow.queue]?.unsettledCount == 0)
            slow.waiting.release()
            await cluster.clock.advance(by: .zero)
            #expect(slow.waiting.leakedCalls == 0)
            #expect(slow.attempts.elements == [1, 2])
            #expect(try self.letter(cluster) == nil)
        }
    }

    @Test func aCallerIsToldOfTheTimeout() async throws {
        try await withServices(Slow(.deadLetter, Self.obedient)) { cluster in
            async let error = #expect(throws: HandlerTimeout.self) {
                let _: Int = try await cluster.rpc("slow", timeout: .seconds(1000)).ask()
            }
            try await eventually("it is called") {
                await cluster.clock.advance(by: .seconds(1))
                return cluster.calls.count == 1
            }
            #expect(await error == HandlerTimeout(entrypoint: "ask", timeout: .seconds(10)))
        }
    }

    @Test func aTimerGoesOnAfterATimeout() async throws {
        let slow = Slow(.deadLetter, Self.obedient)
        try await withServices(slow) { cluster in
            await cluster.clock.advance(by: .seconds(3 * 3600 + 10))
            #expect(cluster.calls.count { $0.error is HandlerTimeout } == 3)
        }
    }

    /// Handlers of which some say how long they may take, and none ends by itself.
    private struct Endless: Microservice {
        static let name = "endless"
        let end = Latch()
        var entrypoints: [any Entrypoint] {
            EventHandler("default", onFailure: .discard) { (_: Published) in await end.wait() }
            EventHandler("patient", onFailure: .discard, timeout: .seconds(7200)) { (_: Published) in await end.wait() }
            RPC("ask") { await end.wait() }
            Timer("tick", every: .seconds(1), eager: true) { await end.wait() }
        }
    }

    /// Which calls have ended after how many seconds, each once it has.
    private func ends(_ settings: ServiceSettings, within seconds: Int) async throws -> [String: Int] {
        let endless = Endless()
        return try await withServices(endless, settings: settings) { cluster in
            try await cluster.dispatch(Published(title: "News"))
            let request = Message(
                #"{"args": [], "kwargs": {}}"#,
                properties: BasicProperties(contentType: "application/json")
            )
            try await cluster.broker.publish(request, to: "nameko-rpc", routingKey: "endless.ask")
            var ends: [String: Int] = [:]
            for second in stride(from: 60, through: seconds, by: 60) {
                await cluster.clock.advance(by: .milliseconds(59_999))
                #expect(cluster.calls.count == ends.count)
                await cluster.clock.advance(by: .milliseconds(1))
                for call in cluster.calls where ends[call.entrypoint] == nil {
                    #expect(call.error is HandlerTimeout)
                    ends[call.entrypoint] = second
                }
            }
            endless.end.open()
            return ends
        }
    }

    @Test func aHandlerWithoutATimeoutEndsAtThatOfTheSettings() async throws {
        #expect(try await self.ends(.testing, within: 1200) == ["default": 600, "ask": 600])
        var settings = ServiceSettings.testing
        settings.handlerTimeout = .seconds(120)
        // One of its own may be longer.
        #expect(try await self.ends(settings, within: 7260) == ["default": 120, "ask": 120, "patient": 7200])
        settings.handlerTimeout = .zero
        #expect(try await self.ends(settings, within: 7260) == ["patient": 7200])
    }

    /// Also with a timeout a stop is no failure.
    @Test func aCallThatIsKilledHasNotFailed() async throws {
        let server = InProcessBroker()
        let slow = Slow(.deadLetter, Self.obedient)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            let host = try ServiceHost(
                broker: server.connect(name: "host"),
                services: [slow],
                logger: TestBroker.silent
            )
            await withTaskGroup(of: Void.self) { group in
                group.addTask { try? await host.run() }
                try? await host.waitUntilStarted()
                try? await host.dispatch(Published(title: "News"))
                try? await eventually("it is in work") { slow.attempts.elements.count == 1 }
                group.cancelAll()
            }
            let queue = try #require(server.snapshot()[queue: Slow.queue])
            #expect(queue.ready.count == 1)
            #expect(queue.ready.first?.properties.headers[FailureHeaders.attempts] == nil)
            group.cancelAll()
        }
    }

    @Test func theErrorIsReadAsItIsWritten() {
        let error = HandlerTimeout(entrypoint: "ask", timeout: .milliseconds(1500))
        #expect(HandlerTimeout(arguments: error.arguments) == error)
        #expect(HandlerTimeout(arguments: []) == nil)
        #expect(HandlerTimeout(arguments: [.integer(1), .string("x")]) == nil)
    }

    @Test func aTimedCallIsDecidedByWhatHappensFirst() {
        func call() -> TimedCall { TimedCall(HandlerTimeout(entrypoint: "ask", timeout: .seconds(1))) }
        let inTime = call()
        #expect(!inTime.leak())
        #expect(!inTime.end())
        #expect(!inTime.expire())
        #expect(!inTime.hasExpired)
        let late = call()
        #expect(late.expire())
        #expect(late.hasExpired)
        #expect(!late.end())
        #expect(!late.leak())
        let leaked = call()
        #expect(leaked.expire())
        #expect(!leaked.expire())
        #expect(leaked.leak())
        #expect(leaked.hasExpired)
        #expect(leaked.end())
    }
}
