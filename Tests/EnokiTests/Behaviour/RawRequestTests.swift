import Enoki
import EnokiTestSupport
import EnokiTesting
import Testing

/// Requests as any peer may send them, with what nameko makes of them where it survives them.
@Suite struct RawRequestTests {
    struct Request: CustomTestStringConvertible, Sendable {
        let testDescription: String
        var body = #"{"args": [2], "kwargs": {"b": 3}}"#
        var properties = BasicProperties(contentType: "application/json", contentEncoding: "utf-8", correlationID: "c1")
        var routingKey = "calculator.add"
        let reply: String

        init(
            _ name: String,
            body: String? = nil,
            routingKey: String? = nil,
            reply: String,
            _ change: (inout BasicProperties) -> Void = { _ in }
        ) {
            self.testDescription = name
            self.reply = reply
            if let body { self.body = body }
            if let routingKey { self.routingKey = routingKey }
            change(&self.properties)
        }
    }

    private static let five = #""result":5"#

    static let requests = [
        Request("minimal", reply: five),
        Request("no correlation id", reply: five) { $0.correlationID = nil },
        Request("no content encoding", reply: five) { $0.contentEncoding = nil },
        Request("an unknown content encoding", reply: "is not accepted") { $0.contentEncoding = "martian" },
        Request("a name twice", body: #"{"args": [2, 3], "kwargs": {}, "args": [2]}"#, reply: "each name once"),
        Request("no content type, which kills nameko", reply: five) { $0.contentType = nil },
        Request("a content type with a parameter", reply: five) { $0.contentType = "application/json; charset=utf-8" },
        Request("a call id stack of integers, which kills nameko", reply: five) {
            $0.headers = ["nameko.call_id_stack": [1, 2]]
        },
        Request("a call id stack that is void, which kills nameko", reply: five) {
            $0.headers = ["nameko.call_id_stack": .void]
        },
        Request("a call id stack that is an integer, which kills nameko", reply: five) {
            $0.headers = ["nameko.call_id_stack": 7]
        },
        Request("a forged timeout", reply: five) { $0.headers = ["enoki.timeout": .int64(.max)] },
        Request("a timeout that is a string", reply: five) { $0.headers = ["enoki.timeout": "soon"] },
        Request("extra keys", body: #"{"args": [2, 3], "kwargs": {}, "more": {}}"#, reply: five),
        Request("a body that is an array", body: "[]", reply: "nameko.exceptions.MalformedRequest"),
        Request("an empty body", body: "", reply: "nameko.exceptions.MalformedRequest"),
        Request("invalid JSON", body: "{", reply: "nameko.exceptions.MalformedRequest"),
        Request("no kwargs", body: #"{"args": []}"#, reply: "nameko.exceptions.MalformedRequest"),
        Request("null args", body: #"{"args": null, "kwargs": {}}"#, reply: "nameko.exceptions.IncorrectSignature"),
        Request("deep nesting", body: #"{"args": ["# + String(repeating: "[", count: 500), reply: "levels of nesting"),
        Request("another content type", reply: "is not accepted") { $0.contentType = "application/x-python-serialize" },
        Request("a compressed body", reply: "compressed") { $0.headers = ["compression": "application/x-gzip"] },
        Request("an unknown method", routingKey: "calculator.nope", reply: "nameko.exceptions.MethodNotFound"),
        Request("an empty method", routingKey: "calculator.", reply: "nameko.exceptions.MethodNotFound"),
        Request("a private name", routingKey: "calculator.__init__", reply: "nameko.exceptions.MethodNotFound"),
    ]

    @Test(arguments: TestBroker.allCases, Self.requests)
    func everyRequestIsAnswered(_ broker: TestBroker, _ request: Request) async throws {
        try await withServices(Calculator(), on: broker) { cluster in
            let replies = Collector<Message>()
            try await cluster.broker.declare(
                Topology(
                    queues: [Queue("replies", durable: true)],
                    bindings: [Binding(from: "nameko-rpc", toQueue: "replies", routingKey: "my-replies")]
                )
            )
            let consumer = try await cluster.broker.consume("replies") { delivery in
                replies.append(delivery.message)
                delivery.token.settle(.ack)
            }
            var properties = request.properties
            properties.replyTo = "my-replies"
            let message = Message(request.body, properties: properties)
            try await cluster.broker.publish(message, to: "nameko-rpc", routingKey: request.routingKey)

            let reply = try await replies.first(1)[0]
            #expect(String(decoding: reply.body, as: UTF8.self).contains(request.reply))
            #expect(reply.properties.correlationID == request.properties.correlationID)
            #expect(reply.properties.contentType == "application/json")
            #expect(reply.properties.deliveryMode == .persistent)
            #expect(reply.properties.priority == 0)
            #expect(reply.properties.headers.isEmpty)
            await consumer.close()

            let sum: Int = try await cluster.rpc("calculator").add(a: 1, b: 2)
            #expect(sum == 3)
            try await eventually("the request is acknowledged") {
                try await cluster.broker.inspect(queue: "rpc-calculator").messageCount == 0
            }
        }
    }

    @Test(arguments: TestBroker.allCases)
    func aRequestWithoutReplyToIsServedAndKillsNothing(_ broker: TestBroker) async throws {
        try await withServices(Calculator(), on: broker) { cluster in
            let added = cluster.expect(Calculator.self, "add")
            let properties = BasicProperties(contentType: "application/json")
            let message = Message(#"{"args": [1, 2], "kwargs": {}}"#, properties: properties)
            try await cluster.broker.publish(message, to: "nameko-rpc", routingKey: "calculator.add")
            try await added.value()
            let sum: Int = try await cluster.rpc("calculator").add(a: 1, b: 2)
            #expect(sum == 3)
        }
    }
}
