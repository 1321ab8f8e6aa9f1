import EnokiBroker
import EnokiTestSupport
import Testing

/// Topic patterns, each bound to a queue of its own; what each routing key reaches is compared with the expectation on
/// every broker.
@Suite(.timeLimit(.minutes(5))) struct TopicRoutingConformanceTests {
    static let patterns = [
        "a.b", "a.*", "*.b", "*", "*.*", "#", "a.#", "#.b", "a.#.b", "#.#", "#.*", "*.#", "#.a.#", "", ".", "a.", ".a",
        "a..b", "a.*.b", "a*", "A.b", "é", "\u{65}\u{301}", "日本.*",
    ]

    @Test(
        arguments: TestBroker.allCases,
        [
            ("a.b", ["a.b", "a.*", "*.b", "*.*", "#", "a.#", "#.b", "a.#.b", "#.#", "#.*", "*.#", "#.a.#"]),
            ("a", ["*", "#", "a.#", "#.#", "#.*", "*.#", "#.a.#"]),
            ("", ["", "#", "#.#"]),
            (".", [".", "#", "#.#", "#.*", "*.#", "*.*"]),
            ("a.", ["a.", "a.*", "*.*", "#", "a.#", "#.#", "#.*", "*.#", "#.a.#"]),
            (".a", [".a", "*.*", "#", "#.#", "#.*", "*.#", "#.a.#"]),
            ("a..b", ["a..b", "a.*.b", "#", "a.#", "#.b", "a.#.b", "#.#", "#.*", "*.#", "#.a.#"]),
            ("a.x.y.b", ["#", "a.#", "#.b", "a.#.b", "#.#", "#.*", "*.#", "#.a.#"]),
            ("x.a.y", ["#", "#.#", "#.*", "*.#", "#.a.#"]),
            ("A.b", ["A.b", "*.b", "*.*", "#", "#.b", "#.#", "#.*", "*.#"]),
            ("ab", ["*", "#", "#.#", "#.*", "*.#"]),
            ("a*", ["a*", "*", "#", "#.#", "#.*", "*.#"]),
            ("*", ["*", "#", "#.#", "#.*", "*.#"]),
            ("#", ["*", "#", "#.#", "#.*", "*.#"]),
            ("a.#", ["a.*", "*.*", "#", "a.#", "#.#", "#.*", "*.#", "#.a.#"]),
            ("\u{e9}", ["é", "*", "#", "#.#", "#.*", "*.#"]),
            ("\u{65}\u{301}", ["\u{65}\u{301}", "*", "#", "#.#", "#.*", "*.#"]),
            ("日本.語", ["日本.*", "*.*", "#", "#.#", "#.*", "*.#"]),
        ] as [(key: String, patterns: [String])]
    )
    func aKeyReachesThePatternsThatMatchIt(on kind: TestBroker, routing: (key: String, patterns: [String])) async throws
    {
        try await kind.withBroker { broker in
            let queues = Self.patterns.indices.map { Queue("q\($0)") }
            let bindings = zip(queues, Self.patterns).map { Binding(from: "t", toQueue: $0.name, routingKey: $1) }
            try await broker.declare(Topology(exchanges: [Exchange("t", .topic)], queues: queues, bindings: bindings))
            try await broker.publish(Message("x"), to: "t", routingKey: routing.key)
            var reached: [[UInt8]] = []
            for (queue, pattern) in zip(queues, Self.patterns) {
                let count = try await broker.inspect(queue: queue.name).messageCount
                #expect(count <= 1, "pattern '\(pattern)'")
                if count > 0 { reached.append(Array(pattern.utf8)) }
            }
            let wanted = routing.patterns.map { Array($0.utf8) }
            #expect(Set(reached) == Set(wanted), "reached \(reached.map { String(decoding: $0, as: UTF8.self) })")
        }
    }

    @Test(arguments: TestBroker.allCases)
    func aQueueThatSeveralPatternsReachGetsOneCopy(on kind: TestBroker) async throws {
        try await kind.withBroker { broker in
            let bindings = ["a.*", "#", "a.b"].map { Binding(from: "t", toQueue: "q", routingKey: $0) }
            try await broker.declare(
                Topology(exchanges: [Exchange("t", .topic)], queues: [Queue("q")], bindings: bindings)
            )
            try await broker.publish(Message("x"), to: "t", routingKey: "a.b")
            #expect(try await broker.inspect(queue: "q").messageCount == 1)
            try await broker.unbind(bindings[1])
            try await broker.publish(Message("y"), to: "t", routingKey: "c")
            try await broker.publish(Message("z"), to: "t", routingKey: "a.c")
            try await broker.expectContents(["x", "z"], of: "q")
        }
    }
}
