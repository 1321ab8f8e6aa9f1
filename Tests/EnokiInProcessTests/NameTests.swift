import EnokiBroker
import Testing

@testable import EnokiInProcess

@Suite struct NameTests {
    @Test func lineBreaksAreNoPartOfADeclaredName() throws {
        let host = VirtualHost()
        let channel = try host.makeChannel()
        #expect(try host.declare(Queue("a\r\nb\n\rc"), on: channel).name == "abc")
        #expect(try host.declarePassively(queue: "\rabc\n", on: channel).name == "abc")
        #expect(try host.declare(Queue("\r\n"), on: channel).name.hasPrefix("amq.gen-"))
        try host.declare(Exchange("a\nb", .fanout))
        try host.declarePassively(exchange: "\r\nab")
        #expect(host.exchange(named: "ab") != nil)
        #expect(throws: AMQPException.defaultExchange) { try host.declare(Exchange("\n", .fanout)) }
    }

    @Test func aGeneratedTagIsNoneThatTheClientHasPicked() throws {
        let host = VirtualHost()
        let channel = try host.makeChannel()
        _ = try host.declare(Queue("q"), on: channel)
        let first = try host.consume(ConsumeRequest(queue: "q"), on: channel)
        let prefix = "amq.ctag-"
        let number = try #require(UInt64(first.dropFirst(prefix.count), radix: 36))
        var picked: Set<String> = [first]
        for next in number + 10..<number + 30 {
            let digits = String(next, radix: 36)
            let tag = prefix + String(repeating: "0", count: 22 - digits.count) + digits
            picked.insert(try host.consume(ConsumeRequest(queue: "q", tag: tag), on: channel))
        }
        for _ in 0..<5 {
            let tag = try host.consume(ConsumeRequest(queue: "q"), on: channel)
            #expect(picked.insert(tag).inserted)
        }
        #expect(channel.consumers.count == picked.count)
    }

    @Test func aReplyGoesToAnAddressOnceThoughItIsNamedTwice() throws {
        let host = VirtualHost()
        let channel = try host.makeChannel()
        var request = ConsumeRequest(queue: ReplyConsumer.pseudoQueue, tag: "replies")
        request.noAck = true
        _ = try host.consume(request, on: channel)
        let address = try #require(channel.replyConsumer?.address)
        let copies: FieldValue = [.string(address), "else", .string(address)]
        let message = Message("reply", properties: BasicProperties(headers: ["CC": copies]))
        _ = try host.publish(message, exchange: "", routingKey: address, mandatory: false, on: channel)
        #expect(host.takeEffects().events.count == 1)
    }

    @Test func namesThatOnlyLookAlikeAreOthers() throws {
        let host = VirtualHost()
        let connection = host.openConnection(name: "test", user: "K")
        let channel = try #require(host.channels[host.openChannel(on: connection)])
        // The sign for Kelvin: Swift takes it for a K.
        let message = Message("1", properties: BasicProperties(userID: "\u{212A}"))
        #expect(throws: AMQPException.self) {
            try host.publish(message, exchange: "", routingKey: "q", mandatory: false, on: channel)
        }
    }

    @Test func aTextIsCutBetweenCharacters() {
        for character in ["x", "\u{e9}", "\u{20ac}", "\u{1F600}"] {
            for length in 0..<300 {
                let shift = String(repeating: "x", count: length % 4)
                let explanation = shift + String(repeating: character, count: length)
                let text = AMQPException(.notFound, explanation).text
                let whole = "NOT_FOUND - \(explanation)"
                if whole.utf8.count <= 255 {
                    #expect(text == whole)
                } else {
                    #expect(text.utf8.count <= 255 && text.utf8.count > 255 - character.utf8.count)
                    #expect(whole.utf8.starts(with: text.dropLast(3).utf8) && text.hasSuffix("..."))
                }
            }
        }
    }

    @Test func aPrefetchHasSixteenBits() throws {
        let host = VirtualHost()
        let channel = try host.makeChannel()
        for (given, taken) in [(-1, 0), (Int.min, 0), (3, 3), (Int.max, 65_535)] {
            host.qos(prefetch: given, global: false, on: channel)
            #expect(channel.consumerPrefetch == taken)
        }
        host.qos(prefetch: -1, global: true, on: channel)
        #expect(channel.channelPrefetch == nil)
    }
}
