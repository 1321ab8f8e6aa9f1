import EnokiBroker
import EnokiTestSupport
import Testing

@testable import Enoki
@testable import EnokiRunner

/// What one look does not show, and what is nobody's dead letter.
extension DeadLettersCommandTests {
    // MARK: - More than one look takes

    @Test func allThatIsNotAllIsAnError() async throws {
        let letters = (1...1001).map { Letters.letter("\($0)") }
        try await self.withLetters([], on: .amqpPort) { uri, broker in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for letter in letters {
                    group.addTask { try await broker.publish(letter, to: "", routingKey: "work.dead") }
                }
                try await group.waitForAll()
            }
            let left =
                "1 dead letter of work.dead not replayed: no more than 1000 were looked at. Do it again, or give --limit"
            let planned = try await self.deadLetters("replay", "work", "--dry-run", on: uri)
            #expect(planned.exit == .status(0))
            try await self.eventuallyCount(1001, in: "work.dead", of: broker)
            let limited = try await self.deadLetters("replay", "work", "--limit", "1", on: uri)
            #expect(limited.exit == .status(0))
            try await self.eventuallyCount(1000, in: "work.dead", of: broker)
            try await broker.publish(letters[0], to: "", routingKey: "work.dead")
            let replayed = try await self.deadLetters("replay", "work", on: uri)
            #expect(replayed.exit == .status(1))
            #expect(replayed.errors.contains(left), "\(replayed.errors)")
            try await self.eventuallyCount(1, in: "work.dead", of: broker)
            let again = try await self.deadLetters("replay", "work", on: uri)
            #expect(again.exit == .status(0))
            #expect(try await self.count("work", of: broker) == 1002)
            try await self.eventuallyCount(0, in: "work.dead", of: broker)

            for letter in letters { try await broker.publish(letter, to: "", routingKey: "work.dead") }
            let discarded = try await self.deadLetters("discard", "work", "--all", "--yes", on: uri)
            #expect(discarded.exit == .status(1))
            #expect(discarded.errors.contains("1 dead letter of work.dead not discarded"), "\(discarded.errors)")
            #expect(try await self.count("work.dead", of: broker) == 1)
        }
    }

    // MARK: - Those that found their queue gone

    @Test(arguments: TestBroker.reachable) func whatIsLostSaysWhereItCameFrom(_ broker: TestBroker) async throws {
        let headers: Headers = [
            FailureHeaders.attempts: .int64(2), FailureHeaders.queue: .string("evt-a-b--shop.on_b"),
            FailureHeaders.redeliveries: .int64(1),
        ]
        let lost = Message("1", properties: BasicProperties(headers: headers, messageID: "id-1"))
        try await self.withLetters([], on: broker) { uri, broker in
            try await broker.declare(Topology(queues: [Queue("enoki.lost")]))
            try await broker.publish(lost, to: "", routingKey: "enoki.lost")
            let listed = try await self.deadLetters("list", "--queue", "work", on: uri)
            #expect(listed.rows.suffix(2) == ["# ID CAME FROM ATTEMPTS AGE", "1 id-1 evt-a-b--shop.on_b 2 -"])
            try await self.eventuallyCount(1, in: "enoki.lost", of: broker)
            let shown = try await self.deadLetters("show", "enoki.lost", on: uri)
            #expect(shown.rows.contains("reason unknown: its queue was gone when it came back from its wait"))
            #expect(shown.rows.contains("came from evt-a-b--shop.on_b"))
            #expect(shown.rows.contains("x-enoki-attempts 2") && shown.rows.contains("x-enoki-redeliveries 1"))
        }
    }
}
