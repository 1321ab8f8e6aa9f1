import EnokiBroker
import EnokiTestSupport
import Testing

@testable import Enoki
@testable import EnokiRunner

/// Dead letters on every broker: looking changes nothing, and a replay loses nothing.
@Suite(.timeLimit(.minutes(5))) struct DeadLetterQueueTests {
    /// What is in a queue, in order; it is taken out.
    private func drain(_ queue: String, of broker: any Broker) async throws -> [Delivery] {
        let count = try await broker.inspect(queue: queue).messageCount
        guard count > 0 else { return [] }
        let deliveries = Collector<Delivery>()
        let consumer = try await broker.consume(queue, options: ConsumerOptions(automaticAcknowledgement: true)) {
            deliveries.append($0)
        }
        let drained = try await deliveries.first(count)
        await consumer.close()
        return drained
    }

    private func bodies(_ queue: String, of broker: any Broker) async throws -> [String] {
        try await self.drain(queue, of: broker).map { String(decoding: $0.message.body, as: UTF8.self) }
    }

    /// Looks, replays or discards; what follows finds so many letters, and nobody who has some.
    ///
    /// Whoever looks returns when the broker counts right again, but waits no longer than 0.6 s for that. After one that took as long the
    /// test waits.
    private func look<Result>(
        at letters: DeadLetterQueue,
        leaving count: Int,
        _ body: (DeadLetterQueue) async throws -> Result
    ) async throws -> Result {
        let start = ContinuousClock.now
        let result = try await body(letters)
        if start.duration(to: .now) > .milliseconds(600) { try await self.areBack(count, in: letters) }
        return result
    }

    /// Waits until so many letters are in their queue, and nobody has it.
    private func areBack(_ count: Int, in letters: DeadLetterQueue) async throws {
        try await eventually("\(count) letters are back, and nobody has them") {
            let status = try await letters.broker.inspect(queue: letters.name.name)
            return status.messageCount == count && status.consumerCount == 0
        }
    }

    private let ten = (1...10).map { Letters.letter("\($0)", id: "id-\($0)", reason: $0 % 2 == 0 ? .timeout : .error) }

    @Test(arguments: TestBroker.allCases) func lookingLeavesAllInTheirPlace(_ broker: TestBroker) async throws {
        let ten = self.ten
        try await broker.withBroker { broker in
            try await Letters.declare(ten, on: broker)
            for limit in [1_000, 4, 10] {
                let listing = try await self.look(at: Letters.queue(broker), leaving: 10) {
                    try await $0.list(limit: limit)
                }
                #expect(listing.count == 10)
                #expect(listing.lookedAt == min(limit, 10))
                #expect(listing.letters.map(\.id) == (1...min(limit, 10)).map { "id-\($0)" })
                #expect(listing.letters.map(\.number) == Array(1...min(limit, 10)))
                #expect(listing.notes.isEmpty == (limit >= 10))
                // Who looks at some does not count the others.
                if limit < 10 { try await self.areBack(10, in: Letters.queue(broker)) }
            }
            let left = try await self.drain("work.dead", of: broker)
            #expect(left.map(\.message.body) == ten.map(\.body))
            #expect(left.allSatisfy { $0.redelivered })
            #expect(left.map(\.message.properties) == ten.map(\.properties))
        }
    }

    @Test(arguments: TestBroker.allCases) func aQueueThatIsNotThereHasNone(_ broker: TestBroker) async throws {
        try await broker.withBroker { broker in
            let listing = try await Letters.queue(broker).list()
            #expect(!listing.exists)
            #expect(listing.nothingFound.contains("no queue work.dead"))
            let report = try await Letters.queue(broker).replay()
            #expect(report.done.isEmpty)
        }
    }

    @Test(arguments: TestBroker.allCases) func allAreReplayedInTheirOrder(_ broker: TestBroker) async throws {
        let ten = self.ten
        try await broker.withBroker { broker in
            try await Letters.declare(ten, on: broker)
            let report = try await Letters.queue(broker).replay()
            #expect(report.done.map(\.number) == Array(1...10))
            #expect(report.failure == nil)
            #expect(!report.isUncertain)
            let replayed = try await self.drain("work", of: broker)
            #expect(replayed.map(\.message.body) == ten.map(\.body))
            #expect(replayed.map(\.message.properties.messageID) == ten.map(\.properties.messageID))
            for delivery in replayed {
                let first = delivery.asPublishedFirst(in: "work")
                #expect(first.exchange == "orders.events")
                #expect(first.routingKey == "order.placed")
                #expect(FailureHeaders.attempt(in: delivery.message.properties.headers, limit: 5) == 1)
            }
            #expect(try await broker.inspect(queue: "work.dead").messageCount == 0)
        }
    }

    @Test(arguments: TestBroker.allCases) func someAreReplayedAndTheOthersStay(_ broker: TestBroker) async throws {
        let ten = self.ten
        try await broker.withBroker { broker in
            try await Letters.declare(ten, on: broker)
            let letters = Letters.queue(broker)
            let timeouts = try await letters.replay(LetterSelection(reason: "timeout"), limit: 5)
            #expect(timeouts.done.map(\.number) == [2, 4])
            // Who looks at some does not count the others.
            try await self.areBack(8, in: letters)
            let named = try await self.look(at: letters, leaving: 7) {
                try await $0.replay(LetterSelection(ids: ["id-9"]), body: Array("nine".utf8))
            }
            #expect(named.done.map(\.id) == ["id-9"])
            #expect(try await self.bodies("work", of: broker) == ["2", "4", "nine"])
            #expect(try await self.bodies("work.dead", of: broker) == ["1", "3", "5", "6", "7", "8", "10"])
        }
    }

    @Test(arguments: TestBroker.allCases)
    func aReplayStopsAtTheFirstThatFails(_ broker: TestBroker) async throws {
        let ten = self.ten
        try await broker.withBroker { broker in
            try await Letters.declare(ten, on: broker)
            let report = try await self.look(at: Letters.queue(broker), leaving: 10) {
                try await $0.replay(to: "nowhere")
            }
            #expect(report.done.isEmpty)
            #expect(report.selected == 10)
            #expect(report.failure?.letter?.number == 1)
            #expect(report.failure?.reason.contains("there is no queue 'nowhere'") == true)
            #expect(try await self.bodies("work.dead", of: broker) == (1...10).map { "\($0)" })
        }
    }

    @Test(arguments: TestBroker.allCases)
    func aStrangersMessageIsListedAndReplayedWhereOneSays(_ broker: TestBroker) async throws {
        try await broker.withBroker { broker in
            var stranger = Letters.stranger("hello")
            stranger.properties.headers["CC"] = nil
            try await Letters.declare([Letters.letter("1", id: "id-1"), stranger], on: broker)
            let letters = Letters.queue(broker)
            let listed = try await self.look(at: letters, leaving: 2) { try await $0.list().letters }
            #expect(listed.map(\.reason) == ["error", "unknown"])
            // Nothing at all: half a replay helps nobody.
            await #expect(throws: DeadLetterError.self) { try await letters.replay() }
            #expect(try await broker.inspect(queue: "work").messageCount == 0)
            try await self.areBack(2, in: letters)
            let report = try await self.look(at: letters, leaving: 1) {
                try await $0.replay(LetterSelection(reason: "unknown"), to: "work")
            }
            #expect(report.done.map(\.id) == [listed[1].id])
            #expect(try await self.bodies("work", of: broker) == ["hello"])
            #expect(try await self.bodies("work.dead", of: broker) == ["1"])
        }
    }

    @Test(arguments: TestBroker.allCases)
    func onlyWhatWasAgreedToIsDiscarded(_ broker: TestBroker) async throws {
        let ten = self.ten
        try await broker.withBroker { broker in
            try await Letters.declare(ten, on: broker)
            let letters = Letters.queue(broker)
            let timeouts = LetterSelection(reason: "timeout")
            let agreed = try await self.look(at: letters, leaving: 10) { try await $0.list(timeouts).letters }
            let late = Letters.letter("late", id: "late", reason: .timeout)
            try await broker.publish(late, to: "", routingKey: "work.dead")
            let report = try await self.look(at: letters, leaving: 6) {
                try await $0.discard(timeouts, agreed: agreed)
            }
            #expect(report.done.map(\.id) == agreed.map(\.id))
            #expect(report.done.count == 5)
            #expect(try await self.bodies("work.dead", of: broker) == ["1", "3", "5", "7", "9", "late"])
        }
    }

    @Test(arguments: TestBroker.allCases)
    func whatAnotherHoldsIsNotSeenAndSaid(_ broker: TestBroker) async throws {
        let ten = self.ten
        try await broker.withFixture { fixture in
            try await Letters.declare(ten, on: fixture.broker)
            let other = try await fixture.connect()
            let held = Collector<Delivery>()
            let consumer = try await other.consume("work.dead", options: ConsumerOptions(prefetch: 3)) {
                held.append($0)
            }
            try await held.first(3)
            let listing = try await Letters.queue(fixture.broker).list()
            #expect(listing.letters.map(\.id) == (4...10).map { "id-\($0)" })
            let note = "7 letters were looked at; another command or consumer may hold more, and they may come back"
            #expect(listing.notes == [note])
            await consumer.close()
            try await eventually("what it held is back", equals: 10) {
                try await other.inspect(queue: "work.dead").messageCount
            }
            let all = try await Letters.queue(fixture.broker).list()
            #expect(all.letters.count == 10)
            #expect(all.notes.isEmpty)
        }
    }

    @Test(arguments: TestBroker.allCases)
    func whatGoesToAnotherMeanwhileIsSaid(_ broker: TestBroker) async throws {
        let ten = self.ten
        try await broker.withFixture { fixture in
            try await Letters.declare(ten, on: fixture.broker)
            let other = try await fixture.connect()
            let theirs = Collector<Delivery>()
            // A broker that says ten are ready, and gives three of them to somebody else.
            let broker = Interrupted(fixture.broker) {
                guard theirs.elements.isEmpty else { return }
                _ = try? await other.consume("work.dead", options: ConsumerOptions(prefetch: 3)) { theirs.append($0) }
                _ = try? await theirs.first(3)
            }
            let listing = try await Letters.queue(broker).list()
            #expect(listing.count == 10)
            #expect(listing.letters.map(\.id) == (4...10).map { "id-\($0)" })
            let taken = "another command or consumer has taken 3 or more, and they may come back"
            #expect(listing.notes == ["7 letters were looked at; \(taken)"])
        }
    }

    /// Replays slowly on one connection, until the first is done, and runs `body` with another one.
    private func withSlowReplay(
        _ selection: LetterSelection = .all,
        on broker: TestBroker,
        _ body: @escaping @Sendable (any Broker) async throws -> Void
    ) async throws {
        let ten = self.ten
        try await broker.withFixture { fixture in
            let slow = fixture.broker
            try await Letters.declare(ten, on: slow)
            let other = try await fixture.connect()
            let done = Collector<String>()
            try await withThrowingTaskGroup(of: LetterReport.self) { group in
                group.addTask {
                    try await Letters.queue(slow).replay(selection, rate: ReplayRate("30/h")) { done.append($0.id) }
                }
                try await done.first(1)
                try await body(other)
                group.cancelAll()
                let report = try #require(try await group.next())
                #expect(report.done.map(\.id) == ["id-1"])
                #expect(report.failure?.reason == "it was told to stop")
            }
            // Who was told to stop does not wait until the broker counts right again.
            try await self.areBack(9, in: Letters.queue(other))
            let left = try await Letters.queue(other).list()
            #expect(left.letters.map(\.id).prefix(9) == (2...10).map { "id-\($0)" }[...])
            #expect(!left.isShared)
        }
    }

    @Test(arguments: TestBroker.allCases)
    func whoeverHoldsLettersIsSeenAsLongAsHeDoes(_ broker: TestBroker) async throws {
        try await self.withSlowReplay(on: broker) { other in
            for _ in 1...2 {
                let listing = try await Letters.queue(other).list()
                #expect(listing.letters.isEmpty)
                #expect(listing.consumerCount == 1)
                #expect(listing.isShared)
                let note = "0 letters were looked at; another command or consumer may hold more, and they may come back"
                #expect(listing.notes == [note])
            }
            // He takes none that comes later.
            try await other.publish(Letters.letter("11", id: "id-11"), to: "", routingKey: "work.dead")
            let late = try await Letters.queue(other).list()
            #expect(late.letters.map(\.id) == ["id-11"])
            #expect(late.isShared)
            // Beside another who holds some, too.
            try await eventually("the look has given it back", equals: 1) {
                try await other.inspect(queue: "work.dead").messageCount
            }
            #expect(try await Letters.queue(other).replay().done.map(\.id) == ["id-11"])
            let message = try await Letters.queue(other).messages(.all).listing.nothingFound
            #expect(message.hasPrefix("work.dead has no dead letters; 0 letters were looked at"))
        }
    }

    @Test(arguments: TestBroker.allCases)
    func whoeverIsToReplaySomeHoldsThoseAndTheLast(_ broker: TestBroker) async throws {
        try await self.withSlowReplay(LetterSelection(ids: ["id-1", "id-3"]), on: broker) { other in
            let seen = try await eventually("the others are back") {
                try await Letters.queue(other).list()
            } until: {
                $0.letters.count == 7
            }
            #expect(seen.letters.map(\.id) == [2, 4, 5, 6, 7, 8, 9].map { "id-\($0)" })
            #expect(seen.isShared)
        }
    }

    @Test(arguments: TestBroker.allCases) func theLastOneIsReplayedAndDiscardedToo(_ broker: TestBroker) async throws {
        let ten = self.ten
        try await broker.withBroker { broker in
            for count in [1, 2] {
                try await Letters.declare(Array(ten.prefix(count)), on: broker)
                let letters = Letters.queue(broker)
                let last = LetterSelection(number: count)
                let replayed = try await self.look(at: letters, leaving: count - 1) { try await $0.replay(last).done }
                #expect(replayed.map(\.number) == [count])
                #expect(try await broker.inspect(queue: "work.dead").messageCount == count - 1)
                let rest = try await self.look(at: letters, leaving: count - 1) { try await $0.list().letters }
                #expect(rest.count == count - 1)
                let discarded = try await self.look(at: letters, leaving: 0) {
                    try await $0.discard(.all, agreed: rest).done
                }
                #expect(discarded.count == count - 1)
                #expect(try await broker.inspect(queue: "work.dead").messageCount == 0)
            }
            #expect(try await self.bodies("work", of: broker) == ["1", "2"])
        }
    }

    @Test func aQuorumQueueOfAnOperatorsIsNoOther() async throws {
        let ten = self.ten
        try await TestBroker.rabbitMQ.withFixture { fixture in
            let slow = fixture.broker
            let queue = Queue("work.dead", arguments: ["x-queue-type": "quorum"])
            try await slow.declare(Topology(queues: [Queue("work"), queue]))
            for message in ten { try await slow.publish(message, to: "", routingKey: "work.dead") }
            let other = try await fixture.connect()
            try await eventually("all are counted", equals: 10) {
                try await other.inspect(queue: "work.dead").messageCount
            }
            for _ in 1...3 {
                let listing = try await self.look(at: Letters.queue(other), leaving: 10) { try await $0.list() }
                #expect(Set(listing.letters.map(\.id)).count == 10)
                #expect(!listing.isShared)
            }
            let done = Collector<String>()
            try await withThrowingTaskGroup(of: LetterReport.self) { group in
                group.addTask {
                    try await Letters.queue(slow).replay(rate: ReplayRate("30/h")) { done.append($0.id) }
                }
                try await done.first(1)
                let listing = try await Letters.queue(other).list()
                #expect(listing.letters.isEmpty)
                #expect(listing.isShared)
                group.cancelAll()
                _ = try await group.next()
            }
            try await eventually("nobody has it any more") {
                try await Letters.queue(other).list()
            } until: {
                !$0.isShared && $0.letters.count == 9
            }
            try await self.areBack(9, in: Letters.queue(other))
            #expect(try await Letters.queue(other).replay().done.count == 9)
            #expect(try await other.inspect(queue: "work").messageCount == 10)
        }
    }

    @Test func whereNoneIsMeantTheEntrypointsThatThereAreAreNamed() async throws {
        let letters = [Letters.letter("1"), Letters.letter("2", entrypoint: "audit"), Letters.letter("3")]
        try await TestBroker.inProcess.withBroker { broker in
            try await Letters.declare(letters, on: broker)
            let listing = try await Letters.queue(broker).list(LetterSelection(entrypoint: "nosuch"))
            let text =
                "none of the 3 dead letters of work.dead is meant; numbers go from 1 to 3, and they are of shipping.audit, shipping.notify"
            #expect(listing.nothingFound == text)
            #expect(LetterTable(listings: [listing], now: Letters.now).text.hasSuffix("work.dead\n\(text)"))
        }
    }

    @Test func aRateThatWouldHoldLettersForTooLongIsRefused() async throws {
        let ten = self.ten
        try await TestBroker.inProcess.withBroker { broker in
            try await Letters.declare(ten, on: broker)
            let error = await #expect(throws: DeadLetterError.self) {
                try await Letters.queue(broker).replay(rate: ReplayRate("20/h"))
            }
            #expect(error?.description.contains("--limit") == true)
            #expect(try await self.bodies("work.dead", of: broker).count == 10)
        }
    }
}

/// What is kept in memory of letters that are meant.
@Suite struct LetterIntakeTests {
    private func intake(_ sizes: [Int]) -> [Bool] {
        let intake = LetterIntake(maximumBytes: 100) { _ in true }
        let token = DeliveryToken { _ in }
        for size in sizes {
            let message = Message(body: [UInt8](repeating: 0, count: size))
            intake.take(Delivery(message: message, exchange: "", routingKey: "", redelivered: false, token: token))
        }
        return intake.held.map { $0.message != nil }
    }

    @Test func bodiesAreKeptAsLongAsThereIsRoom() {
        #expect(self.intake([1, 1, 99, 50]) == [true, true, false, false])
        #expect(self.intake([101, 1]) == [true, false])
    }
}

/// A broker on which something happens between the first question and the first consumer.
private struct Interrupted: Broker {
    let broker: any Broker
    let interruption: @Sendable () async -> Void

    init(_ broker: any Broker, _ interruption: @escaping @Sendable () async -> Void) {
        self.broker = broker
        self.interruption = interruption
    }

    var address: String { self.broker.address }
    var status: BrokerStatus { self.broker.status }
    func statusUpdates() -> AsyncStream<BrokerStatus> { self.broker.statusUpdates() }
    func run() async throws { try await self.broker.run() }
    func declare(_ topology: Topology) async throws(BrokerError) { try await self.broker.declare(topology) }

    func publish(
        _ message: Message,
        to exchange: String,
        routingKey: String,
        options: PublishOptions,
        completion: @escaping @Sendable (Result<Void, BrokerError>) -> Void
    ) -> PublishTicket {
        self.broker.publish(message, to: exchange, routingKey: routingKey, options: options, completion: completion)
    }

    func consume(
        _ queue: String,
        options: ConsumerOptions,
        onDelivery: @escaping @Sendable (Delivery) -> Void
    ) async throws(BrokerError) -> any Consumer {
        await self.interruption()
        return try await self.broker.consume(queue, options: options, onDelivery: onDelivery)
    }

    func inspect(queue: String) async throws(BrokerError) -> QueueStatus { try await self.broker.inspect(queue: queue) }
    func unbind(_ binding: Binding) async throws(BrokerError) { try await self.broker.unbind(binding) }
    func purge(queue: String) async throws(BrokerError) -> Int { try await self.broker.purge(queue: queue) }
    func delete(queue: String) async throws(BrokerError) { try await self.broker.delete(queue: queue) }
    func delete(exchange: String) async throws(BrokerError) { try await self.broker.delete(exchange: exchange) }
}
