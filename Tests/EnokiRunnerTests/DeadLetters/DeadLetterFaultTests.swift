import EnokiBroker
import EnokiInProcess
import EnokiRabbitMQ
import EnokiTestSupport
import Testing

@testable import EnokiRunner

/// A replay whose connection is lost, and one that is not to be fast.
@Suite(.timeLimit(.minutes(5))) struct DeadLetterFaultTests {
    private static let all = (1...6).map { "\($0)" }

    /// Runs `body` with six dead letters, and the connection on which all happens.
    private func withLetters(
        _ faults: FaultPlan = .none,
        clock: VirtualClock = VirtualClock(),
        _ body: (InProcessBroker, InProcessConnection) async throws -> Void
    ) async throws {
        let broker = InProcessBroker(clock: clock, faults: faults)
        try await withTaskExecutorPreference(clock.executor) {
            try await withThrowingTaskGroup { group in
                group.addTask { try await broker.run() }
                let connection = broker.connect(name: "worker")
                try await Letters.declare(Self.all.map { Letters.letter($0, id: $0) }, on: broker)
                try await body(broker, connection)
                group.cancelAll()
            }
        }
    }

    private func bodies(_ queue: String, of broker: InProcessBroker) -> [String] {
        (broker.snapshot()[queue: queue]?.ready ?? []).map { String(decoding: $0.body, as: UTF8.self) }
    }

    /// The faults of a replay's connection, and how many of its messages may be there twice then.
    static let cuts: [(Fault, Int)] = [
        (.dropConnection(before: .publish(1)), 1),
        (.dropConnection(before: .publish(3)), 1),
        (.dropConnection(after: .publish(3)), 2),
        (.dropConnection(after: .publish(6)), 2),
        (.dropConnection(before: .acknowledgement(1)), 1),
        (.dropConnection(before: .acknowledgement(3)), 1),
        (.dropConnection(after: .acknowledgement(3)), 0),
        (.dropConnection(after: .acknowledgement(6)), 0),
        (.restart(after: .publish(2)), 2),
        (.dropConnection(after: .delivery(2)), 0),
        (.duplicate(.delivery(2)), 1),
    ]

    @Test(arguments: cuts) func aCutLosesNoneAndDoublesNoMoreThanTheOneInHand(_ fault: Fault, _ bound: Int) async throws
    {
        let clock = VirtualClock()
        try await self.withLetters([fault.on("worker")], clock: clock) { broker, connection in
            let report = try? await Letters.queue(connection, clock: clock).replay()
            #expect(broker.faults == [fault.on("worker")])
            await clock.advance(by: .seconds(60))
            let (replayed, left) = (self.bodies("work", of: broker), self.bodies("work.dead", of: broker))
            #expect(Set(replayed + left) == Set(Self.all), "replayed \(replayed), left \(left)")
            #expect(replayed.count + left.count <= Self.all.count + bound, "replayed \(replayed), left \(left)")
            // What is said to be left is left.
            if let report, report.failure != nil { #expect(left.count >= report.selected - report.done.count) }
            // And once more, without a fault: what was left is done.
            let second = try await Letters.queue(connection, clock: clock).replay()
            #expect(second.failure == nil)
            #expect(self.bodies("work.dead", of: broker) == [])
            #expect(Set(self.bodies("work", of: broker)) == Set(Self.all))
        }
    }

    @Test func whoeverLosesItsConnectionStopsAndSaysSo() async throws {
        let clock = VirtualClock()
        let cut = Fault.dropConnection(before: .acknowledgement(3)).on("worker")
        try await self.withLetters([cut], clock: clock) { broker, connection in
            let report = try await Letters.queue(connection, clock: clock).replay()
            #expect(report.done.count == 3)
            #expect(report.failure?.reason == "the connection to the broker was lost")
            #expect(report.isUncertain)
            let outcome = LetterOutcome(.replay, report)
            #expect(outcome.problem?.contains("3 dead letters not replayed; look again") == true)
        }
    }

    @Test func aRateIsKeptByTheClock() async throws {
        let clock = VirtualClock()
        try await self.withLetters(clock: clock) { broker, connection in
            let times = Collector<Duration>()
            try await withThrowingTaskGroup(of: Int.self) { group in
                group.addTask {
                    try await Letters.queue(connection, clock: clock).replay(rate: ReplayRate("30/m")) { _ in
                        times.append(clock.now.offset)
                    }.done.count
                }
                await clock.advance(by: .seconds(3))
                #expect(times.elements == [.zero, .seconds(2)])
                await clock.advance(by: .seconds(30))
                let count = try await group.next()
                #expect(count == 6)
            }
            #expect(times.elements == [0, 2, 4, 6, 8, 10].map { .seconds($0) })
        }
    }

    @Test func aReplayThatIsToldToStopEndsAfterTheOneInHand() async throws {
        let clock = VirtualClock()
        try await self.withLetters(clock: clock) { broker, connection in
            try await withThrowingTaskGroup(of: LetterReport.self) { group in
                group.addTask { try await Letters.queue(connection, clock: clock).replay(rate: ReplayRate("30/m")) }
                await clock.advance(by: .seconds(3))
                group.cancelAll()
                let report = try #require(try await group.next())
                #expect(report.done.map(\.id) == ["1", "2"])
                #expect(report.failure?.reason == "it was told to stop")
            }
            #expect(self.bodies("work", of: broker) == ["1", "2"])
            #expect(self.bodies("work.dead", of: broker) == ["3", "4", "5", "6"])
        }
    }

    @Test(arguments: TestVirtualHost.Kind.allCases)
    func aConnectionThatAnOperatorClosesLosesNone(_ kind: TestVirtualHost.Kind) async throws {
        // One a second: more than are done before the connection is closed, however long RabbitMQ takes for that.
        let all = (1...30).map { "\($0)" }
        try await TestVirtualHost.withFresh(of: kind) { host in
            let broker = RabbitMQBroker(
                configuration: try RabbitMQConfiguration.patient(uri: host.uri),
                logger: TestBroker.silent
            )
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await broker.run() }
                try await Letters.declare(all.map { Letters.letter($0, id: $0) }, on: broker)
                let done = Collector<String>()
                async let cut: Void = {
                    try await done.first(2)
                    if case .rabbitMQ(let host) = host {
                        try await eventually("RabbitMQ shows the connections") {
                            try await host.connections().count >= 2
                        }
                    }
                    try await host.dropConnections(foreignCount: 0, because: "a test")
                }()
                let report = try await Letters.queue(broker).replay(rate: ReplayRate("1/s")) { done.append($0.id) }
                try await cut
                #expect(report.failure != nil)
                #expect(report.done.count >= 2)
                #expect(report.done.count < all.count)
                // RabbitMQ has back what the connection held a moment after its end.
                let (left, replayed) = try await eventually("none is lost") {
                    let left = try await Letters.queue(broker).list().letters.map(\.id)
                    return (left, try await broker.inspect(queue: "work").messageCount)
                } until: { left, replayed in
                    left.count + replayed >= all.count
                }
                #expect(Set(left).isSuperset(of: all.dropFirst(report.done.count)))
                #expect(left.count + replayed <= all.count + 2, "left \(left), replayed \(replayed)")
                group.cancelAll()
            }
        }
    }
}
