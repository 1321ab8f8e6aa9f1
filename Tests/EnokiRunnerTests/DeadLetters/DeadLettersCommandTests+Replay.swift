import EnokiBroker
import EnokiTestSupport
import Foundation
import Testing

@testable import Enoki
@testable import EnokiRunner

/// `dead-letters replay`.
extension DeadLettersCommandTests {
    @Test(arguments: TestBroker.reachable) func replaysThoseThatAreMeant(_ broker: TestBroker) async throws {
        try await self.withLetters(self.three, on: broker) { uri, broker in
            let planned = try await self.deadLetters("replay", "work", "--reason", "timeout", "--dry-run", on: uri)
            #expect(planned.exit == .status(0))
            #expect(planned.output.contains("1 dead letter of work.dead would be replayed\n"))
            #expect(try await self.count("work", of: broker) == 0)
            try await self.eventuallyCount(3, in: "work.dead", of: broker)

            let refused = try await self.deadLetters("replay", "work", on: uri)
            #expect(refused.exit == .status(1))
            #expect(refused.errors.contains("name one with --to"))
            #expect(try await self.count("work", of: broker) == 0)
            try await self.eventuallyCount(3, in: "work.dead", of: broker)

            let replayed = try await self.deadLetters("replay", "work.dead", "--reason", "timeout", on: uri)
            #expect(replayed.exit == .status(0))
            #expect(replayed.output.contains("1 dead letter of work.dead replayed\n"))
            let message = try await self.first(of: "work", broker)
            #expect(message.body == Array("2".utf8))
            try await self.eventuallyCount(2, in: "work.dead", of: broker)

            let elsewhere = try await self.deadLetters("replay", "work", "--to", "nowhere", on: uri)
            #expect(elsewhere.exit == .status(1))
            #expect(elsewhere.errors.contains("number 1, id-1: there is no queue 'nowhere'"))
            #expect(elsewhere.errors.contains("2 dead letters not replayed"))
            try await self.eventuallyCount(2, in: "work.dead", of: broker)
            let all = try await self.deadLetters("replay", "work", "--to", "work", "--rate", "100/s", on: uri)
            #expect(all.exit == .status(0))
            #expect(try await self.count("work.dead", of: broker) == 0)
            try await self.eventuallyCount(3, in: "work", of: broker)
        }
    }

    @Test(arguments: TestBroker.reachable) func replaysAsWhatItReallyIs(_ broker: TestBroker) async throws {
        let letters = [(id: "id-1", body: "{}"), (id: "id-2", body: "no JSON")].map { id, body in
            var letter = Letters.letter(body, id: id)
            letter.properties.contentType = "text/plain"
            return letter
        }
        try await self.withLetters(letters, on: broker) { uri, broker in
            func replay(_ id: String, _ more: String...) async throws -> Ended {
                try await self.eventuallyCount(2, in: "work.dead", of: broker)
                let arguments = ["replay", "work", "--id", id, "--content-type", "application/json"] + more
                return try await self.deadLetters(arguments, on: uri)
            }
            for more in [[], ["--dry-run"]] {
                let refused = try await more.isEmpty ? replay("id-2") : replay("id-2", more[0])
                #expect(refused.exit == .status(1))
                #expect(refused.errors.contains("the body of number 2, id-2, is no JSON"))
            }
            #expect(try await self.count("work", of: broker) == 0)
            #expect(try await replay("id-1").exit == .status(0))
            let message = try await self.first(of: "work", broker)
            #expect(message.properties.contentType == "application/json")
            #expect(message.properties.messageID == "id-1")
        }
    }

    @Test(arguments: TestBroker.reachable) func replaysWhatSomebodyHasEdited(_ broker: TestBroker) async throws {
        let letters = [
            Letters.letter(#"{"sku": "teapt"}"#, id: "id-1"), Letters.letter(#"{"sku": "cup"}"#, id: "id-2"),
        ]
        try await self.withLetters(letters, on: broker) { uri, broker in
            // `sed` is an editor, too.
            func edited(_ command: String, _ id: String = "id-1") async throws -> Ended {
                try await self.eventuallyCount(2, in: "work.dead", of: broker)
                return try await self.deadLetters(
                    "replay",
                    "work",
                    "--id",
                    id,
                    "--edit",
                    on: uri,
                    environment: ["VISUAL": command]
                )
            }
            let broken = try await edited("sed -i s/}//")
            #expect(broken.exit == .status(1))
            let path = try #require(broken.errors.firstMatch(of: /what you wrote is in (\/.*)\n/)?.1)
            #expect(broken.errors.contains("its new body is no JSON"))
            #expect(try String(contentsOfFile: String(path), encoding: .utf8) == #"{"sku": "teapt""#)
            try FileManager.default.removeItem(atPath: String(path))
            #expect(try await edited("false").errors.contains("the editor 'false' ended with 1"))
            #expect(try await edited("true").errors.contains("the body was not changed"))
            try await self.eventuallyCount(2, in: "work.dead", of: broker)

            #expect(try await edited("sed -i s/teapt/teapot/").exit == .status(0))
            let message = try await self.first(of: "work", broker)
            #expect(message.body == Array(#"{"sku": "teapot"}"#.utf8))
            #expect(message.properties.messageID == "id-1")

            try await self.eventuallyCount(1, in: "work.dead", of: broker)
            let given = try await self.deadLetters(
                "replay",
                "work",
                "--body",
                "-",
                on: uri,
                input: #"{"sku": "saucer"}"#
            )
            #expect(given.exit == .status(0))
            try await self.eventuallyCount(2, in: "work", of: broker)
            #expect(try await self.count("work.dead", of: broker) == 0)
        }
    }

    @Test(arguments: TestBroker.reachable) func aSignalEndsAReplayInGoodOrder(_ broker: TestBroker) async throws {
        let letters = (1...5).map { Letters.letter("\($0)", id: "id-\($0)") }
        try await self.withLetters(letters, on: broker) { uri, broker in
            let path = BuiltExecutable.path("enoki")
            let arguments = ["dead-letters", "replay", "work", "--rate", "20/h", "--broker", uri]
            try await ChildProcess.with(path, arguments) { child in
                try await eventually("the first is replayed", equals: 1) { try await self.count("work", of: broker) }
                child.send(signal: SIGINT)
                let exit = try await child.ended()
                #expect(exit == .status(1))
                #expect(child.output.contains("1 dead letter of work.dead replayed"))
                #expect(child.errors == "enoki: it was told to stop; 4 dead letters not replayed\n")
            }
            try await eventually("the others are back", equals: 4) { try await self.count("work.dead", of: broker) }
        }
    }
}
