import Enoki
import EnokiTestSupport
import EnokiTesting
import Testing

/// The connection is lost while a call runs, and its message comes again, to the same process.
@Suite(.timeLimit(.minutes(5))) struct JoiningTests {
    /// Works until it is let go, and may fail then.
    private struct Slow: Microservice {
        static let name = "slow"
        static let queue = "evt-press-published--slow.on_published"
        let begun = Shelf<String>()
        let attempts = Shelf<Int>()
        let gate = Latch()
        var policy = FailurePolicy.default
        var fails: @Sendable (_ attempt: Int) -> Bool = { _ in false }

        var entrypoints: [any Entrypoint] {
            EventHandler("on_published", onFailure: policy) { (event: Published) in
                begun.put(event.title)
                attempts.put(WorkerContext.current?.attempt ?? 0)
                await gate.wait()
                if fails(WorkerContext.current?.attempt ?? 0) { throw Boom(reason: "as told") }
            }
            RPC("answer") { () async -> String in
                begun.put("answer")
                await gate.wait()
                return "only once"
            }
        }
    }

    private static let joined = "a message came again whose call is under way"
    private static let settled = "a message came again whose call has ended"

    private func run(
        _ slow: Slow,
        on broker: TestBroker,
        settings: ServiceSettings = ServiceSettings(),
        _ body: (Cluster, LogRecorder, _ cut: @Sendable () -> Void) async throws -> Void
    ) async throws {
        let log = LogRecorder()
        try await broker.withFragileConnections { connect, cut in
            try await withServices(slow, settings: settings, connect: connect, logger: log.logger) { cluster in
                try await body(cluster, log, cut)
            }
            try await withServices(connect: connect) { cluster in
                let status = try await cluster.broker.inspect(queue: Slow.queue)
                #expect(status.messageCount == 0)
            }
        }
    }

    @Test(
        .bug(
            "https://github.com/abpframework/abp/issues/20953",
            "ABP: events are handled twice when the connection is lost"
        ),
        arguments: TestBroker.allCases
    )
    func aMessageThatComesAgainIsNotHandledTwice(_ broker: TestBroker) async throws {
        let slow = Slow()
        try await self.run(slow, on: broker) { cluster, log, cut in
            try await cluster.dispatch(Published(title: "a"))
            try await eventually("it has begun", equals: ["a"]) { slow.begun.elements }
            for number in 1...2 {
                cut()
                try await eventually("it has come again", equals: number) { log.count(Self.joined) }
            }
            slow.gate.open()
            try await cluster.dispatch(Published(title: "b"))
            try await eventually("the next is handled", equals: ["a", "b"]) { slow.begun.elements }
        }
        #expect(slow.begun.elements == ["a", "b"])
    }

    @Test(arguments: TestBroker.allCases)
    func whatWaitsForAWorkerIsJoinedInItsPlace(_ broker: TestBroker) async throws {
        let slow = Slow()
        var settings = ServiceSettings()
        settings.maxWorkers = 1
        settings.prefetch = 10
        try await self.run(slow, on: broker, settings: settings) { cluster, log, cut in
            let titles = (0..<20).map { "\($0)" }
            for title in titles { try await cluster.dispatch(Published(title: title)) }
            try await eventually("all are with the broker or here", equals: 10) {
                try await cluster.broker.inspect(queue: Slow.queue).messageCount
            }
            try await eventually("the first is in work", equals: ["0"]) { slow.begun.elements }
            cut()
            // Of the ten some may only have been on their way.
            try await eventually("the one in work has come again") { log.count(Self.joined) > 0 }
            slow.gate.open()
            try await eventually("all are handled", equals: 20) { slow.begun.elements.count }
        }
        #expect(slow.begun.elements == (0..<20).map { "\($0)" })
    }

    @Test(arguments: TestBroker.allCases)
    func aCallThatFailsIsTriedAgainInPlaceOfTheNewestDelivery(_ broker: TestBroker) async throws {
        var slow = Slow()
        slow.policy = .retry(upTo: 3, .fixed(.milliseconds(50)))
        slow.fails = { $0 < 3 }
        try await self.run(slow, on: broker) { [slow] cluster, log, cut in
            try await cluster.dispatch(Published(title: "a"))
            try await eventually("it has begun", equals: ["a"]) { slow.begun.elements }
            cut()
            try await eventually("it has come again", equals: 1) { log.count(Self.joined) }
            slow.gate.open()
            try await eventually("three attempts are made", equals: [1, 2, 3]) { slow.attempts.elements }
        }
        #expect(slow.attempts.elements == [1, 2, 3])
    }

    /// The copy waits for the delivery whose place it takes.
    @Test(arguments: TestBroker.allCases)
    func aCallThatFailsWhileTheConnectionIsAwayHasHadItsAttempt(_ broker: TestBroker) async throws {
        var slow = Slow()
        slow.policy = .retry(upTo: 2, .fixed(.milliseconds(50)))
        slow.fails = { _ in true }
        try await self.run(slow, on: broker) { [slow] cluster, _, cut in
            try await cluster.dispatch(Published(title: "a"))
            try await eventually("it has begun", equals: ["a"]) { slow.begun.elements }
            cut()
            slow.gate.open()
            try await cluster.waitForQueue(Slow.queue + ".dead") { $0.messageCount == 1 }
        }
        #expect(slow.attempts.elements == [1, 2])
    }

    @Test(arguments: TestBroker.allCases)
    func aCallThatEndsWhileTheConnectionIsAwayIsNotMadeAgain(_ broker: TestBroker) async throws {
        let slow = Slow()
        try await self.run(slow, on: broker) { cluster, log, cut in
            let handled = cluster.expect(Slow.self, "on_published")
            try await cluster.dispatch(Published(title: "a"))
            try await eventually("it has begun", equals: ["a"]) { slow.begun.elements }
            cut()
            slow.gate.open()
            try await handled.value()
            // Which of the two comes first is the broker's affair.
            try await eventually("it has come again") { log.count(Self.joined) + log.count(Self.settled) > 0 }
        }
        #expect(slow.begun.elements == ["a"])
    }

    @Test(arguments: TestBroker.allCases)
    func aRequestThatComesAgainIsAnsweredOnce(_ broker: TestBroker) async throws {
        let slow = Slow()
        try await self.run(slow, on: broker) { cluster, log, cut in
            try await cluster.broker.declare(
                Topology(
                    queues: [Queue("rpc.reply-test")],
                    bindings: [Binding(from: "nameko-rpc", toQueue: "rpc.reply-test", routingKey: "reply")]
                )
            )
            // Confirmed before the connection is lost: otherwise the publisher sends a second one.
            try await cluster.broker.publish(
                Message(
                    #"{"args": [], "kwargs": {}}"#,
                    properties: BasicProperties(contentType: "application/json", replyTo: "reply")
                ),
                to: "nameko-rpc",
                routingKey: "slow.answer"
            )
            try await eventually("it has begun", equals: ["answer"]) { slow.begun.elements }
            cut()
            try await eventually("it has come again", equals: 1) { log.count(Self.joined) }
            slow.gate.open()
            try await cluster.waitForQueue("rpc.reply-test") { $0.messageCount > 0 }
            try await cluster.waitForQueue("rpc-slow") { $0.messageCount == 0 }
            let replies = try await cluster.broker.inspect(queue: "rpc.reply-test")
            #expect(replies.messageCount == 1)
        }
        #expect(slow.begun.elements == ["answer"])
    }
}

extension LogRecorder {
    fileprivate func count(_ text: String) -> Int { self.entries.count { $0.message.contains(text) } }
}
