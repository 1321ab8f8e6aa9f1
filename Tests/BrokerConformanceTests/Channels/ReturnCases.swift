import EnokiBroker
import EnokiTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct ReturnCases {
    @Test func aMandatoryMessageThatNoBindingMatchesReturns() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("q"))
            let exchanges = [
                Exchange("d", .direct), Exchange("t", .topic), Exchange("h", .headers), Exchange("f", .fanout),
            ]
            for exchange in exchanges { try await channel.declare(exchange) }
            try await channel.bind("q", to: "d", key: "other")
            try await channel.bind("q", to: "t", key: "other.*")
            try await channel.bind("q", to: "h", arguments: ["x-match": "all", "a": 1])
            for exchange in exchanges.map(\.name) + [""] {
                try await channel.publish("lost", to: exchange, key: "k", mandatory: true)
                let value = try await channel.returns()[0]
                #expect(value.code == 312 && value.text == "NO_ROUTE")
                #expect(value.exchange == exchange && value.routingKey == "k")
            }
        }
    }

    @Test func aReturnedMessageIsWhole() async throws {
        try await conform { session in
            let channel = try await session.channel()
            let properties = BasicProperties(contentType: "text/plain", headers: ["a": [1]], messageID: "m")
            let message = Message("lost", properties: properties)
            try await channel.publish(message, key: "nowhere", mandatory: true)
            #expect(try await channel.returns()[0].message == message)
        }
    }

    @Test func whatIsNotMandatoryIsLostInSilence() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.publish("lost", key: "nowhere")
            try await channel.publish("lost", to: "amq.topic", key: "nowhere")
            #expect(try await channel.leftovers().isEmpty)
        }
    }

    @Test func aMessageThatReachesOneQueueDoesNotReturn() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("q"))
            try await channel.declare(Exchange("first", .fanout))
            try await channel.declare(Exchange("second", .topic))
            try await channel.call(.exchangeBind("second", to: "first"))
            try await channel.bind("q", to: "second", key: "a.#")
            try await channel.publish("1", to: "first", key: "a.b", mandatory: true)
            try await channel.publish("2", to: "first", key: "b", mandatory: true)
            #expect(try await channel.returns().map { String(decoding: $0.message.body, as: UTF8.self) } == ["2"])
            #expect(try await session.contents(of: "q", count: 1) == ["1"])
        }
    }

    @Test func returnsComeInTheOrderOfPublication() async throws {
        try await conform { session in
            let channel = try await session.channel()
            for number in 1...5 { try await channel.publish("\(number)", key: "k\(number)", mandatory: true) }
            #expect(try await channel.returns(5).map(\.routingKey) == ["k1", "k2", "k3", "k4", "k5"])
        }
    }

    @Test func immediateIsNotImplemented() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("q"))
            let publish = AMQPMethod.basicPublish(Message("1"), to: "", key: "q", immediate: true)
            #expect(try await channel.refusal(of: publish) == "connection 540 NOT_IMPLEMENTED - immediate=true")
        }
    }
}
