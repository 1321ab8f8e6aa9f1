import EnokiBroker
import EnokiTestTraits
import Testing

@testable import EnokiInProcess

@Suite(.ownThread, .timeLimit(.minutes(5))) struct DeadLetterChainTests {
    @Test(arguments: ["x-message-ttl", "x-max-length"])
    func aCircleThatTheDeathsOfAMessageHideEnds(argument: String) throws {
        let host = VirtualHost()
        let channel = try host.makeChannel()
        for (name, next) in [("one", "two"), ("two", "one")] {
            var arguments: Headers = ["x-dead-letter-exchange": "", "x-dead-letter-routing-key": .string(next)]
            arguments[argument] = 0
            _ = try host.declare(Queue(name, arguments: arguments), on: channel)
        }
        let rejected: FieldValue = ["queue": "else", "reason": "rejected", "count": .int64(1)]
        let properties = BasicProperties(headers: ["x-death": [rejected]])
        try host.publish(Message("round and round", properties: properties), to: "one", on: channel)
        _ = host.takeEffects()
        #expect(host.deadLettered.elements.count == 1000)
        #expect(host.pendingDeadLetters.isEmpty)
        try host.publish("next", to: "one", on: channel)
        _ = host.takeEffects()
        #expect(host.deadLettered.elements.last?.message.body == Array("next".utf8))
    }

    @Test func manyDeadLettersAtOnceAllArrive() throws {
        let host = VirtualHost()
        let channel = try host.makeChannel()
        let hop: Headers = ["x-dead-letter-exchange": "", "x-message-ttl": 0, "x-dead-letter-routing-key": "end"]
        _ = try host.declare(Queue("end"), on: channel)
        _ = try host.declare(Queue("hop", arguments: hop), on: channel)
        let start: Headers = ["x-dead-letter-exchange": "", "x-dead-letter-routing-key": "hop"]
        _ = try host.declare(Queue("start", arguments: start), on: channel)
        let message = Message("1", properties: BasicProperties(expiration: .seconds(1)))
        for _ in 0..<12_000 { try host.publish(message, to: "start", on: channel) }
        _ = host.takeEffects()
        host.advance(to: .seconds(1))
        host.wake(try host.requireQueue("start", on: channel).id)
        _ = host.takeEffects()
        #expect(host.queue(named: "end")?.ready.count == 12_000)
    }

    @Test func deathsAreCountedByTheBytesOfTheQueuesNames() throws {
        let death = { (queue: String) -> FieldValue in ["queue": .string(queue), "reason": "expired"] }
        let headers: Headers = ["x-death": [death("e\u{301}"), death("\u{e9}"), death("e\u{301}")]]
        let published = try #require(Self.letter(with: headers).published(at: 0))
        let deaths = published.message.properties.headers["x-death"]?.arrayValue?.compactMap(\.tableValue)
        #expect(deaths?.compactMap { $0["count"]?.integerValue } == [1, 1, 2])
    }

    @Test func manyHeadersAndDeathsTakeNoLongTime() throws {
        let deaths = (0..<20_000).map { FieldValue.table(["queue": .string("\($0)"), "reason": "expired"]) }
        var headers = Headers()
        for number in 0..<20_000 { headers.append("\(number)", 1) }
        headers.append("x-death", .array(deaths))
        let published = try #require(Self.letter(with: headers).published(at: 0))
        #expect(published.message.properties.headers["x-death"]?.arrayValue?.count == 20_001)
        #expect(published.message.properties.headers.count == 20_001)
    }

    private static func letter(with headers: Headers) -> DeadLetter {
        let message = Message("1", properties: BasicProperties(headers: headers))
        return DeadLetter(
            message: PublishedMessage(message, exchange: "x", routingKeys: ["k"]),
            queue: "q",
            reason: .rejected,
            exchange: "",
            routingKey: nil
        )
    }
}
