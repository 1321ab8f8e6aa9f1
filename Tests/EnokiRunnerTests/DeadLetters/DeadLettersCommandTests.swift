import EnokiBroker
import EnokiRabbitMQ
import EnokiTestSupport
import Foundation
import Testing

@testable import Enoki
@testable import EnokiRunner

/// `dead-letters` as people on call meet it: real processes, on RabbitMQ and at the AMQP port.
@Suite(.timeLimit(.minutes(10))) struct DeadLettersCommandTests {
    struct Ended {
        let exit: ChildProcess.Exit
        let output: String
        let errors: String

        /// The lines of the output without their columns' blanks.
        var rows: [String] {
            self.output.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
        }
    }

    /// Runs the command and waits for its end.
    func deadLetters(
        _ arguments: String...,
        on uri: String,
        input: String? = nil,
        environment: [String: String] = [:]
    ) async throws -> Ended {
        try await self.deadLetters(arguments, on: uri, input: input, environment: environment)
    }

    func deadLetters(
        _ arguments: [String],
        on uri: String,
        input: String? = nil,
        environment: [String: String] = [:]
    ) async throws -> Ended {
        let environment = environment.merging(["AMQP_URI": uri]) { $1 }
        let path = BuiltExecutable.path("enoki")
        return try await ChildProcess.with(path, ["dead-letters"] + arguments, environment: environment) { child in
            if let input { try child.write(input) }
            child.closeInput()
            // A thousand letters take long on a busy machine.
            let exit = try await child.ended(within: .seconds(120))
            return Ended(exit: exit, output: child.output, errors: child.errors)
        }
    }

    /// Runs `body` with a broker that has these dead letters, and with a connection to it.
    func withLetters(
        _ messages: [Message],
        in queue: String = "work",
        on broker: TestBroker,
        _ body: (String, any Broker) async throws -> Void
    ) async throws {
        try await broker.withURI { uri in
            let broker = RabbitMQBroker(
                configuration: try RabbitMQConfiguration.patient(uri: uri),
                logger: TestBroker.silent
            )
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await broker.run() }
                defer { group.cancelAll() }
                let dead = "\(queue).dead"
                try await broker.declare(Topology(queues: [Queue(queue), Queue(dead)]))
                for message in messages { try await broker.publish(message, to: "", routingKey: dead) }
                try await body(uri, broker)
            }
        }
    }

    func count(_ queue: String, of broker: any Broker) async throws -> Int {
        try await broker.inspect(queue: queue).messageCount
    }

    /// Waits until so many are in a queue, and so many have it: RabbitMQ has back what a command has held, and misses its consumer,
    /// only a moment after its end.
    func eventuallyCount(_ count: Int, in queue: String, consumers: Int = 0, of broker: any Broker) async throws {
        try await eventually("\(count) messages and \(consumers) consumers are at \(queue)") {
            try await broker.inspect(queue: queue)
        } until: {
            $0.messageCount == count && $0.consumerCount == consumers
        }
    }

    func first(of queue: String, _ broker: any Broker) async throws -> Message {
        let deliveries = Collector<Delivery>()
        let consumer = try await broker.consume(queue) { deliveries.append($0) }
        let first = try await deliveries.first()
        await consumer.close()
        return first[0].message
    }

    let three = [
        Letters.letter("1", id: "id-1", error: "at amqp://ada:hunter2@host"),
        Letters.letter("2", id: "id-2", reason: .timeout),
        Letters.stranger("3"),
    ]

    // MARK: - list, show

    @Test(arguments: TestBroker.reachable) func listsWhatThereIs(_ broker: TestBroker) async throws {
        try await self.withLetters(self.three, on: broker) { uri, broker in
            let listed = try await self.deadLetters("list", "--queue", "work", on: uri)
            #expect(listed.exit == .status(0))
            #expect(listed.errors == "")
            let stranger = try #require(listed.rows.last?.split(separator: " ")[1])
            let age = try #require(listed.rows.first { $0.hasPrefix("1 id-1") }?.split(separator: " ").last)
            #expect(
                listed.rows == [
                    "QUEUE DEAD LETTERS", "work.dead 3", "enoki.lost 0 (no such queue yet)", "work.dead",
                    "# ID REASON ENTRYPOINT ERROR ATTEMPTS AGE",
                    "1 id-1 error shipping.notify OutOfStock: at amqp://***@host 5 \(age)",
                    "2 id-2 timeout shipping.notify OutOfStock: no teapots 5 \(age)",
                    "3 \(stranger) unknown - - - -",
                ]
            )
            try await self.eventuallyCount(3, in: "work.dead", of: broker)

            let limited = try await self.deadLetters("list", "--queue", "work", "--limit", "1", on: uri)
            #expect(limited.output.contains("only the oldest 1 of 3 were looked at"))
        }
    }

    @Test(arguments: TestBroker.reachable) func whatIsListedIsReadByPrograms(_ broker: TestBroker) async throws {
        struct Listing: Decodable {
            struct Queue: Decodable {
                struct Letter: Decodable {
                    let number: Int
                    let id: String
                    let reason: String
                    let error: String?
                    let originalQueue: String?
                }
                let queue: String
                let exists: Bool
                let messages: Int
                let letters: [Letter]
            }
            let queues: [Queue]
        }
        try await self.withLetters(self.three, on: broker) { uri, _ in
            let listed = try await self.deadLetters("list", "--queue", "work", "--json", on: uri)
            let listing = try JSONDecoder().decode(Listing.self, from: Data(listed.output.utf8))
            #expect(listing.queues.map(\.queue) == ["work.dead", "enoki.lost"])
            #expect(listing.queues.map(\.exists) == [true, false])
            #expect(listing.queues[0].messages == 3)
            #expect(listing.queues[0].letters.map(\.number) == [1, 2, 3])
            #expect(listing.queues[0].letters.map(\.reason) == ["error", "timeout", "unknown"])
            #expect(listing.queues[0].letters[0].error == "at amqp://***@host")
            #expect(listing.queues[0].letters.map(\.originalQueue) == ["work", "work", nil])
        }
    }

    @Test(arguments: TestBroker.reachable) func showsAllOfOne(_ broker: TestBroker) async throws {
        let body = #"{"url": "amqp://ada:hunter2@host", "note": "\#u{1b}[2J"}"# + "\nsecond line"
        let letters = [Letters.letter(body, id: "id-1"), Letters.letter("2", id: "id-2")]
        try await self.withLetters(letters, on: broker) { uri, broker in
            let shown = try await self.deadLetters("show", "work", "--id", "id-1", on: uri)
            #expect(shown.exit == .status(0))
            for text in [
                "queue          work.dead", "reason         error", "call id        shipping.notify.1",
                "attempts       5", "came from      work",
                "published to   orders.events", "routing key    order.placed", "  nameko.call_id_stack  [\"a.b.1\"]",
                "  correlation-id    correlation", "body: \(body.utf8.count) bytes\n", "amqp://***@host", "second line",
            ] {
                #expect(shown.output.contains(text), "\(shown.output)")
            }
            #expect(!shown.output.contains("hunter2"))
            #expect(!shown.output.contains("\u{1b}"))

            try await self.eventuallyCount(2, in: "work.dead", of: broker)
            let number = try await self.deadLetters("show", "work", "--number", "2", "--json", on: uri)
            #expect(number.output.contains(#""body" : "2""#))
            try await self.eventuallyCount(2, in: "work.dead", of: broker)
            let several = try await self.deadLetters("show", "work", on: uri)
            #expect(several.exit == .status(64))
            #expect(several.errors.contains("choose one with --id or --number"))
            try await self.eventuallyCount(2, in: "work.dead", of: broker)
            let none = try await self.deadLetters("show", "work", "--id", "id-3", on: uri)
            #expect(none.exit == .status(1))
            let entrypoint = "numbers go from 1 to 2, and they are of shipping.notify"
            #expect(none.errors == "enoki: none of the 2 dead letters of work.dead is meant; \(entrypoint)\n")
        }
    }

    // MARK: - discard

    @Test(arguments: TestBroker.reachable) func discardAsks(_ broker: TestBroker) async throws {
        try await self.withLetters(self.three, on: broker) { uri, broker in
            for answer in ["", "\n", "n\n", "perhaps\n"] {
                let kept = try await self.deadLetters("discard", "work", "--id", "id-2", on: uri, input: answer)
                #expect(kept.exit == .status(1))
                #expect(kept.errors.contains("Discard 1 dead letter of work.dead for good? [y/N]"))
                #expect(kept.errors.contains("2  id-2"))
                #expect(kept.errors.hasSuffix("enoki: nothing was discarded\n"))
                try await self.eventuallyCount(3, in: "work.dead", of: broker)
            }
            let agreed = try await self.deadLetters("discard", "work", "--id", "id-2", on: uri, input: "y\n")
            #expect(agreed.exit == .status(0))
            #expect(agreed.output.contains("1 dead letter of work.dead discarded\n"))
            try await self.eventuallyCount(2, in: "work.dead", of: broker)
            let rest = try await self.deadLetters("discard", "work", "--all", "--yes", on: uri)
            #expect(rest.exit == .status(0))
            try await self.eventuallyCount(0, in: "work.dead", of: broker)
            #expect(try await self.deadLetters("discard", "work", "--all", "--yes", on: uri).exit == .status(0))
        }
    }

    // MARK: - Two at once

    @Test(arguments: TestBroker.reachable)
    func whatAReplayHoldsIsSaidAndIsNotAllThatIsDiscarded(_ broker: TestBroker) async throws {
        let letters = (1...5).map { Letters.letter("\($0)", id: "id-\($0)") }
        let note = "another command or consumer may hold more, and they may come back"
        try await self.withLetters(letters, on: broker) { uri, broker in
            let path = BuiltExecutable.path("enoki")
            // Slower than all the commands that run beside it.
            let arguments = ["dead-letters", "replay", "work", "--rate", "20/h", "--broker", uri]
            try await ChildProcess.with(path, arguments) { child in
                try await eventually("the first is replayed", equals: 1) { try await self.count("work", of: broker) }
                try await broker.publish(Letters.letter("6", id: "id-6"), to: "", routingKey: "work.dead")
                let listed = try await self.deadLetters("list", "--queue", "work", on: uri)
                #expect(listed.exit == .status(0))
                #expect(listed.output.contains("work.dead   1 (and what others hold)"))
                #expect(listed.output.contains("1 letter was looked at; \(note)"))
                try await self.eventuallyCount(1, in: "work.dead", consumers: 1, of: broker)
                let json = try await self.deadLetters("list", "--queue", "work", "--json", on: uri)
                #expect(json.output.contains(#""consumers" : 1"#))
                #expect(json.output.contains(note))

                try await self.eventuallyCount(1, in: "work.dead", consumers: 1, of: broker)
                let refused = try await self.deadLetters("discard", "work", "--all", "--yes", on: uri)
                #expect(refused.exit == .status(1))
                #expect(refused.errors.contains("these would not be all dead letters of work.dead"))
                #expect(refused.errors.contains("or give --beside-others"))
                try await self.eventuallyCount(1, in: "work.dead", consumers: 1, of: broker)
                let chosen = try await self.deadLetters("discard", "work", "--id", "id-6", "--yes", on: uri)
                #expect(chosen.exit == .status(0))
                #expect(chosen.output.contains(note))
                try await self.eventuallyCount(0, in: "work.dead", consumers: 1, of: broker)
                try await broker.publish(Letters.letter("7", id: "id-7"), to: "", routingKey: "work.dead")
                let told = try await self.deadLetters(
                    "discard",
                    "work",
                    "--all",
                    "--beside-others",
                    "--yes",
                    "--json",
                    on: uri
                )
                #expect(told.exit == .status(0))
                #expect(told.output.contains(note))
                child.send(signal: SIGINT)
                try await child.ended()
                #expect(child.output.contains("1 dead letter of work.dead replayed\n"))
                #expect(!child.output.contains(note))
            }
            try await self.eventuallyCount(4, in: "work.dead", of: broker)
            let after = try await self.deadLetters("list", "--queue", "work", on: uri)
            #expect(after.output.contains("work.dead   4\n"))
            #expect(!after.output.contains(note))
        }
    }

    // MARK: - Mistakes

    @Test(arguments: TestBroker.reachable) func aMisspeltNameIsSaid(_ broker: TestBroker) async throws {
        try await self.withLetters(self.three, on: broker) { uri, broker in
            let misspelt = try await self.deadLetters("list", "--queue", "wrok", "--queue", "work", on: uri)
            #expect(misspelt.exit == .status(1))
            #expect(misspelt.errors == "enoki: there is neither a queue wrok nor wrok.dead\n")
            #expect(misspelt.rows.contains("work.dead 3"))
            try await self.eventuallyCount(3, in: "work.dead", of: broker)
            // Nothing of it was given up yet.
            try await broker.declare(Topology(queues: [Queue("healthy")]))
            let healthy = try await self.deadLetters("list", "--queue", "healthy", on: uri)
            #expect(healthy.exit == .status(0))
            let entrypoint = try await self.deadLetters("list", "--queue", "work", "--entrypoint", "nosuch", on: uri)
            let none =
                "none of the 3 dead letters of work.dead is meant; numbers go from 1 to 3, and they are of shipping.notify"
            #expect(entrypoint.output.contains(none))
        }
    }

    @Test(arguments: [
        (["discard", "work"], "say which: --id, --reason, --entrypoint, --older-than, or --all"),
        (["discard", "work", "--all", "--id", "1"], "leave one of them out"),
        (["list", "--limit", "0"], "--limit is 0"), (["list", "--limit", "70000"], "--limit is 70000"),
        (["list", "--reason", "bad"], "--reason is 'bad'"), (["list", "--older-than", "old"], "older-than"),
        (["replay", "work", "--rate", "fast"], "rate"),
        (["replay", "work", "--edit", "--body", "x"], "--edit and --body"),
        (["replay", "work", "--content-type", "application/json"], "say which letters are meant"),
        (["replay", "work", "--id", "1", "--content-type", "json"], "a type and a subtype"),
        (["replay", "work", "--body", "/nowhere/x"], "'/nowhere/x' cannot be read"), (["replay"], "queue"),
        (["replay", "work", "--number", "0"], "--number is 0"), (["show", "work", "--number", "0"], "--number is 0"),
        (["replay", "work", "--to", "work.dead"], "--to: 'work.dead' is for dead letters"),
    ])
    func aMistakeEndsWith64AndTouchesNothing(_ arguments: [String], _ error: String) async throws {
        let path = BuiltExecutable.path("enoki")
        // Nobody listens there.
        let environment = ["AMQP_URI": "amqp://127.0.0.1:1/"]
        try await ChildProcess.with(path, ["dead-letters"] + arguments, environment: environment) { child in
            let exit = try await child.ended()
            #expect(exit == .status(64))
            #expect(child.errors.contains(error), "\(child.errors)")
        }
    }

    @Test func anAddressIsNeededThatAnswers() async throws {
        let none = try await self.deadLetters("list", on: "")
        #expect(none.exit == .status(78))
        #expect(none.errors.contains("give its address as AMQP_URI or with --broker"))
        let absent = try await self.deadLetters("list", on: "amqp://ada:hunter2@127.0.0.1:1/")
        #expect(absent.exit == .status(3))
        #expect(!absent.errors.contains("hunter2"))
        let refused = try await TestBroker.amqpPort.withURI { uri in
            try await self.deadLetters("list", on: uri.replacing("guest:guest", with: "guest:hunter2"))
        }
        #expect(refused.exit == .status(3))
        #expect(!refused.errors.contains("hunter2"))
    }
}
