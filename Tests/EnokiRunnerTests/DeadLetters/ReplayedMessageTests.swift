import Enoki
import EnokiBroker
import Testing

@testable import EnokiRunner

@Suite struct ReplayedMessageTests {
    private func replayed(
        _ message: Message,
        in queue: String = "work",
        to destination: String? = nil,
        body: [UInt8]? = nil,
        contentType: String? = nil
    ) throws -> ReplayedMessage {
        try ReplayedMessage(
            message,
            Letters.listed(message),
            in: DeadLetterQueueName(queue),
            to: destination,
            body: body,
            contentType: contentType
        )
    }

    @Test func itIsOfTheTypeThatIsSaidForIt() throws {
        var letter = Letters.letter("{}")
        (letter.properties.contentType, letter.properties.contentEncoding) = ("text/plain", "gzip")
        let properties = try self.replayed(letter, contentType: "application/json").message.properties
        #expect(properties.contentType == "application/json")
        #expect(properties.contentEncoding == nil)
        #expect(try self.replayed(letter).message.properties.contentEncoding == "gzip")
        let binary = Letters.letter("no JSON")
        for type in ["application/json", "application/json; charset=utf-8"] {
            #expect(throws: DeadLetterError.self) { try self.replayed(binary, contentType: type) }
            #expect(throws: Never.self) { try self.replayed(binary, body: Array("{}".utf8), contentType: type) }
        }
        #expect(throws: Never.self) { try self.replayed(binary, contentType: "application/x-yaml") }
    }

    @Test func itHasNothingOfItsFailuresButHowItWasPublished() throws {
        let replayed = try self.replayed(Letters.letter("{}", id: "1"))
        #expect(replayed.queue == "work")
        #expect(replayed.message.body == Array("{}".utf8))
        let properties = replayed.message.properties
        #expect(
            Set(properties.headers.map(\.name)) == [
                "x-enoki-exchange", "x-enoki-routing-key", "nameko.call_id_stack",
            ]
        )
        #expect(properties.contentType == "application/json")
        #expect(properties.contentEncoding == "utf-8")
        #expect(properties.correlationID == "correlation")
        #expect(properties.messageID == "1")
        #expect(FailureHeaders.attempt(in: properties.headers, limit: 5) == 1)
    }

    @Test func whatBelongsToOneWayThroughTheBrokerIsLeftOut() throws {
        var message = Letters.letter("{}")
        message.properties.userID = "eve"
        message.properties.expirationText = "soon"
        message.properties.deliveryMode = .transient
        for name in ["CC", "BCC", "x-death", "x-first-death-queue", "x-delivery-count"] {
            message.properties.headers[name] = .array([.string("elsewhere")])
        }
        let properties = try self.replayed(message).message.properties
        #expect(properties.userID == nil)
        #expect(properties.expirationText == nil)
        #expect(properties.deliveryMode == .persistent)
        #expect(properties.headers.count == 3)
    }

    @Test func whatWentInACircleBeginsAChainOfItsOwn() throws {
        var message = Letters.letter("{}")
        message.properties.headers["enoki.call_depth"] = 16
        message.properties.headers["nameko.enoki.call_depth"] = 15
        let others = try self.replayed(message).message.properties.headers
        #expect(others["nameko.call_id_stack"] != nil)
        message.properties.headers["x-enoki-reason"] = "loop"
        let headers = try self.replayed(message).message.properties.headers
        #expect(Set(headers.map(\.name)) == ["x-enoki-exchange", "x-enoki-routing-key"])
    }

    @Test func anotherBodyTakesThePlaceOfItsOwn() throws {
        #expect(try self.replayed(Letters.letter("{}"), body: Array("[]".utf8)).message.body == Array("[]".utf8))
    }

    @Test func aDestinationCountsMoreThanWhereItCameFrom() throws {
        #expect(try self.replayed(Letters.letter("{}"), to: "other").queue == "other")
        #expect(try self.replayed(Letters.stranger("{}"), to: "other").queue == "other")
    }

    @Test(arguments: ["work.dead", "other.dead", "enoki.lost"])
    func deadLettersAreNotReplayedIntoDeadLetters(_ destination: String) {
        let error = #expect(throws: DeadLetterError.self) { try self.replayed(Letters.letter("{}"), to: destination) }
        #expect(error?.description.hasPrefix("'\(destination)' is for dead letters, and a replay would take") == true)
    }

    @Test func whoHandlesDeadLettersGetsHisOwnBack() throws {
        let replayed = try self.replayed(Letters.letter("{}"), in: "work.dead.dead", to: "work.dead")
        #expect(replayed.queue == "work.dead")
        #expect(try self.replayed(Letters.letter("{}"), in: "work.dead.dead").queue == "work.dead")
    }

    @Test func aStrangersMessageNeedsADestination() {
        #expect(throws: DeadLetterError.self) { try self.replayed(Letters.stranger("{}")) }
    }

    @Test func aForgedHeaderSendsNothingElsewhere() throws {
        #expect(try self.replayed(Letters.letter("{}", queue: "victim")).queue == "work")
    }

    @Test func aStrangerDoesNotSayHowItsMessageWasPublished() throws {
        let headers: Headers = [
            FailureHeaders.exchange: "forged", FailureHeaders.routingKey: "forged", FailureHeaders.userID: "forged",
            "x": "kept",
        ]
        let message = Message("{}", properties: BasicProperties(headers: headers))
        #expect(try self.replayed(message, to: "work").message.properties.headers == ["x": "kept"])
        #expect(try self.replayed(message, in: "enoki.lost", to: "work").message.properties.headers.count == 4)
    }

    @Test func aLostMessageGoesWhereItsHeaderSays() throws {
        var message = Message("{}", properties: BasicProperties(headers: [FailureHeaders.queue: "work"]))
        #expect(try self.replayed(message, in: "enoki.lost").queue == "work")
        message.properties.headers = [:]
        #expect(throws: DeadLetterError.self) { try self.replayed(message, in: "enoki.lost") }
    }

    // MARK: - Names

    @Test(arguments: [
        ("work", "work.dead", "work"), ("work.dead", "work.dead", "work"), ("enoki.lost", "enoki.lost", nil),
        ("dead", "dead.dead", "dead"),
    ])
    func aQueueOfDeadLettersIsNamedByItselfOrByItsQueue(_ given: String, _ name: String, _ original: String?) {
        let queue = DeadLetterQueueName(given)
        #expect(queue.name == name)
        #expect(queue.original == original)
    }
}
