import EnokiBroker
import Testing

@testable import EnokiInProcess

@Suite(.timeLimit(.minutes(5))) struct BindingTests {
    @Test(arguments: [Exchange.Kind.direct, .topic, .fanout, .headers])
    func argumentsAreTheSameInAnyOrder(kind: Exchange.Kind) throws {
        let host = VirtualHost()
        let channel = try host.makeChannel()
        try host.declare(Exchange("x", kind))
        _ = try host.declare(Queue("q"), on: channel)
        let given: Headers = ["b": "2", "a": 1]
        try host.bind(Binding(from: "x", toQueue: "q", routingKey: "k", arguments: given), on: channel)
        let same: Headers = ["a": 1, "b": "2"]
        try host.bind(Binding(from: "x", toQueue: "q", routingKey: "k", arguments: same), on: channel)
        #expect(BrokerSnapshot(host).bindings.map(\.arguments) == [given])
        let other: Headers = ["a": .int64(1), "b": "2"]
        try host.unbind(Binding(from: "x", toQueue: "q", routingKey: "k", arguments: other), on: channel)
        let message = Message("1", properties: BasicProperties(headers: ["a": 1, "b": "2"]))
        _ = try host.publish(message, exchange: "x", routingKey: "k", mandatory: false, on: channel)
        try host.unbind(Binding(from: "x", toQueue: "q", routingKey: "k", arguments: same), on: channel)
        _ = try host.publish(message, exchange: "x", routingKey: "k", mandatory: false, on: channel)
        #expect(try host.contents(of: "q") == ["1"])
        #expect(BrokerSnapshot(host).bindings.isEmpty)
    }

    @Test func aSnapshotsBindingsComeInTheOrderOfTheirBytesAndThenAsTheyWereMade() throws {
        let host = VirtualHost()
        let channel = try host.makeChannel()
        try host.declare(Exchange("x", .headers))
        // Swift takes the first two for one, and orders them by another form than their bytes.
        let names = ["\u{e9}", "e\u{301}", "f", "Z"]
        for name in names { _ = try host.declare(Queue(name), on: channel) }
        var expected: [Binding] = []
        for name in names {
            for number in (0..<10).reversed() {
                let binding = Binding(from: "x", toQueue: name, arguments: ["number": .integer(number)])
                try host.bind(binding, on: channel)
                expected.append(binding)
            }
        }
        let sorted = ["Z", "e\u{301}", "f", "\u{e9}"].map(ByteName.init)
        let snapshot = BrokerSnapshot(host)
        #expect(snapshot.queues.map { ByteName($0.queue.name) } == sorted)
        let numbers = snapshot.bindings.map { $0.arguments["number"]?.integerValue }
        #expect(numbers == (0..<4).flatMap { _ in (0..<10).reversed().map { Int64($0) } })
        let queues = snapshot.bindings.map { binding -> ByteName in
            if case .queue(let name) = binding.destination { ByteName(name) } else { ByteName("") }
        }
        #expect(queues == sorted.flatMap { Array(repeating: $0, count: 10) })
    }

    @Test func aLongChainOfAutoDeleteExchangesGoes() throws {
        let host = VirtualHost()
        let channel = try host.makeChannel()
        let before = host.exchanges.count
        let last = 20_000
        for number in 0...last { try host.declare(Exchange("\(number)", .fanout, autoDelete: true)) }
        for number in 0..<last {
            try host.bind(Binding(from: "\(number)", to: .exchange("\(number + 1)")), on: channel)
        }
        _ = try host.declare(Queue("q"), on: channel)
        try host.bind(Binding(from: "\(last)", toQueue: "q"), on: channel)
        _ = try host.delete(queue: "q", ifUnused: false, ifEmpty: false, on: channel)
        #expect(host.exchanges.count == before)
        #expect(host.bindingsToExchange.isEmpty)
    }
}
