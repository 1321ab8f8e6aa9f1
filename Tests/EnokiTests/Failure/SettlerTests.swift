import EnokiInProcess
import EnokiTestSupport
import EnokiTesting
import Testing

@testable import Enoki

/// A message has failed, and its channel is gone.
@Suite(.timeLimit(.minutes(5))) struct SettlerTests {
    /// Lets a message fail for good that can be settled no more, and says how many dead letters there are.
    private func deadLetters(of headers: Headers, after loss: DeliveryToken.Loss) async -> Int {
        let broker = InProcessBroker(logger: TestBroker.silent)
        let timers = TimerQueue(clock: VirtualClock())
        let publishes = UnsettledPublishes(broker: broker, timers: timers)
        let settler = Settler(broker: broker, publishes: publishes, timers: timers, logger: TestBroker.silent)
        return await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await broker.run() }
            group.addTask { await settler.run() }
            let token = DeliveryToken(loss: { loss }) { _ in }
            let message = Message("x", properties: BasicProperties(headers: headers))
            settler.settle(self.failed(message, token), .deadLetter(.error, attempts: 3))
            await settler.waitUntilSettled()
            // A broker whose task has ended is empty.
            defer { group.cancelAll() }
            return broker.snapshot()[queue: "q.dead"]?.ready.count ?? 0
        }
    }

    private func failed(
        _ message: Message,
        _ token: DeliveryToken,
        entrance: FailedMessage.Entrance? = nil
    ) -> FailedMessage {
        FailedMessage(
            delivery: Delivery(message: message, exchange: "", routingKey: "q", redelivered: false, token: token),
            queue: "q",
            entrance: entrance,
            service: "s",
            entrypoint: "e",
            callID: nil,
            messageID: "m",
            reason: .error,
            error: Boom(reason: "as told"),
            time: 0
        )
    }

    /// The broker delivers it again, here or elsewhere.
    @Test func noCopyIsMadeOfWhatTheBrokerHas() async {
        #expect(await self.deadLetters(of: [:], after: .uncertain) == 0)
        #expect(await self.deadLetters(of: self.comeBack, after: .returned) == 0)
    }

    /// A broker that has crashed may not have it any more.
    @Test func aCopyIsMadeOfWhatHasComeBackFromAWaitAndMayHaveDiedWithTheBroker() async {
        #expect(await self.deadLetters(of: self.comeBack, after: .uncertain) == 1)
    }

    /// As the request itself: nobody waits for it longer. One that waits on the broker first keeps what its header says.
    @Test func aCopyThatGoesBackAtOnceExpiresWithItsCaller() async throws {
        let clock = VirtualClock()
        let broker = InProcessBroker(clock: clock, logger: TestBroker.silent)
        let timers = TimerQueue(clock: clock)
        let publishes = UnsettledPublishes(broker: broker, timers: timers)
        let settler = Settler(broker: broker, publishes: publishes, timers: timers, logger: TestBroker.silent)
        try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            group.addTask { try await broker.run() }
            group.addTask { await settler.run() }
            try await broker.declare(
                Topology(
                    exchanges: [Exchange("rpc", .topic)],
                    queues: [Queue("q")],
                    bindings: [Binding(from: "rpc", toQueue: "q", routingKey: "s.e")]
                )
            )
            let entrance = FailedMessage.Entrance(exchange: "rpc", routingKey: "s.e")
            let deadline = Deadline(after: .seconds(3), timers: timers)
            for wait in [RetryDelay.none, RetryDelay(step: .seconds(1), delay: .seconds(1))] {
                let failed = self.failed(Message("x"), DeliveryToken { _ in }, entrance: entrance)
                settler.settle(failed, .retry(wait, attempts: 1), deadline: deadline)
            }
            await settler.waitUntilSettled()
            let atOnce = broker.snapshot()[queue: "q"]?.ready.first?.properties
            #expect(atOnce?.expiration == .seconds(3))
            #expect(atOnce?.headers["enoki.timeout"] == .int64(3000))
            let waiting = broker.snapshot()[queue: "enoki.retry.1000"]?.ready.first?.properties
            #expect(waiting?.expiration == .seconds(1))
            #expect(waiting?.headers["enoki.timeout"] == .int64(2000))
        }
    }

    /// Else the copy could never be published, and all that go the same way would wait behind it.
    @Test(arguments: [Int64.max, .min, 315_360_000_001]) func aForgedTimeoutHoldsNoCopyUp(_ timeout: Int64) async throws
    {
        struct Failing: Microservice {
            static let name = "failing"
            let calls = Locked(0)
            var entrypoints: [any Entrypoint] {
                RPC("fail", onFailure: .retry(upTo: 3, .none)) { @concurrent () -> Int in
                    self.calls.withLock { $0 += 1 }
                    throw Boom(reason: "as told")
                }
            }
        }
        let service = Failing()
        try await withServices(service) { cluster in
            let properties = BasicProperties(
                contentType: "application/json",
                headers: ["enoki.timeout": .int64(timeout)],
                correlationID: "c",
                replyTo: "nobody"
            )
            let request = Message(#"{"args": [], "kwargs": {}}"#, properties: properties)
            try await cluster.broker.publish(request, to: "nameko-rpc", routingKey: "failing.fail")
            let _: RemoteError? = await #expect(throws: RemoteError.self) {
                let _: Int = try await cluster.rpc("failing").fail()
            }
            let calls = timeout > 0 ? 6 : 3
            try await eventually("all attempts are made", equals: calls) { service.calls.withLock { $0 } }
        }
    }

    private let comeBack: Headers = [FailureHeaders.attempts: .int64(2), FailureHeaders.queue: "q"]
}
