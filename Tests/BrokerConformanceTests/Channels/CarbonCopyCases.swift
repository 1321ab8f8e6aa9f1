import EnokiBroker
import EnokiTestSupport
import Testing

/// The headers `CC` and `BCC`.
@Suite(.timeLimit(.minutes(5))) struct CarbonCopyCases {
    @Test func copiesGoToAllKeysOnceAndHideTheBlindOnes() async throws {
        try await conform { session in
            let channel = try await session.channel()
            for name in ["to", "cc", "bcc"] { try await channel.declare(Queue(name)) }
            let headers: Headers = ["CC": ["cc", "cc", "to"], "BCC": ["bcc", "cc"], "h": 1]
            try await channel.publish(Message("m", headers: headers), key: "to")
            for name in ["to", "cc", "bcc"] {
                let copy = try await channel.take(from: name)
                #expect(copy.routingKey == "to")
                #expect(copy.message.properties.headers == ["CC": ["cc", "cc", "to"], "h": 1])
            }
        }
    }

    @Test func anyExchangeRoutesByAllKeys() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Exchange("topic", .topic))
            for (name, pattern) in [("one", "a.*"), ("two", "b.#")] {
                try await channel.declare(Queue(name))
                try await channel.bind(name, to: "topic", key: pattern)
            }
            try await channel.publish(Message("m", headers: ["CC": ["a.x"], "BCC": ["b"]]), to: "topic", key: "none")
            for name in ["one", "two"] { #expect(try await session.contents(of: name, count: 1) == ["m"]) }
        }
    }

    @Test func oneRoutedCopyIsEnoughForAMandatoryMessage() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("copy"))
            try await channel.call(.confirmSelect)
            try await channel.publish(Message("m", headers: ["BCC": ["copy"]]), key: "none", mandatory: true)
            try await channel.confirms()
            #expect(try await channel.leftovers().isEmpty)
            #expect(try await session.contents(of: "copy", count: 1) == ["m"])
        }
    }

    @Test func aReturnedMessageHidesTheBlindOnesToo() async throws {
        try await conform { session in
            let channel = try await session.channel()
            let headers: Headers = ["CC": ["no"], "BCC": ["nor"], "h": 1]
            try await channel.publish(Message("m", headers: headers), key: "none", mandatory: true)
            let returned = try #require(try await channel.returns().first)
            #expect(returned.message.properties.headers == ["CC": ["no"], "h": 1])
        }
    }

    @Test func onlyTextsAreKeys() async throws {
        try await conform { session in
            let channel = try await session.channel()
            for name in ["to", "text", "bytes"] { try await channel.declare(Queue(name)) }
            let keys: FieldValue = [5, "text", .bytes(Array("bytes".utf8)), true, ["text"]]
            try await channel.publish(Message("m", headers: ["CC": keys]), key: "to")
            for name in ["to", "text"] { #expect(try await session.contents(of: name, count: 1) == ["m"]) }
            try await session.expectReady(0, in: "bytes")
        }
    }

    @Test func whatIsNoListIsRefused() async throws {
        try await conform { session in
            for (name, value, kind) in [
                ("CC", "to", "longstr"), ("BCC", 5, "signedint"), ("CC", .void, "void"), ("BCC", [:], "table"),
            ] as [(String, FieldValue, String)] {
                let channel = try await session.channel()
                let message = Message("m", headers: Headers([(name, value)]))
                #expect(
                    try await channel.refusal(of: .basicPublish(message, to: "", key: "none"))
                        == "channel 406 PRECONDITION_FAILED - invalid message: "
                        + "{unacceptable_type_in_header,\"\(name)\",\(kind)}"
                )
            }
        }
    }
}
