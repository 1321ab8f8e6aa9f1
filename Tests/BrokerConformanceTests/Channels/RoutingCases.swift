import EnokiBroker
import EnokiTestSupport
import Testing

/// Corners of routing: words, bytes and kinds.
@Suite(.timeLimit(.minutes(5))) struct RoutingCases {
    @Test func emptyWordsAreWords() async throws {
        let expected: [(pattern: String, keys: [String])] = [
            ("", [""]), ("#", ["", "a", "a.b", "a..b", ".", "a.", ".b", ".."]), ("*", ["a"]), ("a", ["a"]),
            ("a.b", ["a.b"]), ("*.b", ["a.b", ".b"]), ("a.*", ["a.b", "a."]), ("#.b", ["a.b", "a..b", ".b"]),
            ("a.#", ["a", "a.b", "a..b", "a."]), ("a..b", ["a..b"]), ("*.*", ["a.b", ".", "a.", ".b"]),
            ("a.#.b", ["a.b", "a..b"]), ("#.#", ["", "a", "a.b", "a..b", ".", "a.", ".b", ".."]),
            ("*.#", ["a", "a.b", "a..b", ".", "a.", ".b", ".."]), ("a.*.#", ["a.b", "a..b", "a."]),
            (".", ["."]), ("..", [".."]), (".#", [".", ".b", ".."]), ("#.", [".", "a.", ".."]), ("a*", []),
        ]
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Exchange("topic", .topic))
            for (pattern, _) in expected {
                try await channel.declare(Queue("q:\(pattern)"))
                try await channel.bind("q:\(pattern)", to: "topic", key: pattern)
            }
            for key in ["", "a", "a.b", "a..b", ".", "a.", ".b", ".."] {
                try await channel.publish(key, to: "topic", key: key)
            }
            for (pattern, keys) in expected {
                let contents = try await session.contents(of: "q:\(pattern)", count: keys.count)
                #expect(contents == keys, "\(pattern)")
            }
        }
    }

    @Test func wildcardsInKeysAreWords() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Exchange("topic", .topic))
            for pattern in ["a.b", "a.*", "a.#"] {
                try await channel.declare(Queue(pattern))
                try await channel.bind(pattern, to: "topic", key: pattern)
            }
            for key in ["a.*", "a.#", "*.b", "#"] { try await channel.publish(key, to: "topic", key: key) }
            #expect(try await session.contents(of: "a.b", count: 0) == [])
            #expect(try await session.contents(of: "a.*", count: 2) == ["a.*", "a.#"])
            #expect(try await session.contents(of: "a.#", count: 2) == ["a.*", "a.#"])
        }
    }

    @Test func severalMatchingPatternsMakeOneCopy() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Exchange("topic", .topic))
            try await channel.declare(Queue("q"))
            for pattern in ["#", "a.#", "a.*", "a.b", "*.b"] { try await channel.bind("q", to: "topic", key: pattern) }
            try await channel.publish("m", to: "topic", key: "a.b")
            #expect(try await session.contents(of: "q", count: 1) == ["m"])
        }
    }

    @Test func keysThatLookAlikeAreDifferent() async throws {
        // One letter, and a letter with its accent: equal for Swift's strings, not for a broker.
        let (composed, decomposed) = ("caf\u{E9}", "cafe\u{301}")
        try await conform { session in
            let channel = try await session.channel()
            for (exchange, kind) in [("direct", .direct), ("topic", .topic)] as [(String, Exchange.Kind)] {
                try await channel.declare(Exchange(exchange, kind))
                for (name, key) in [("one", composed), ("two", decomposed)] {
                    try await channel.declare(Queue("\(exchange)-\(name)"))
                    try await channel.bind("\(exchange)-\(name)", to: exchange, key: key)
                }
                try await channel.publish("composed", to: exchange, key: composed)
                try await channel.publish("decomposed", to: exchange, key: decomposed)
                #expect(try await session.contents(of: "\(exchange)-one", count: 1) == ["composed"])
                #expect(try await session.contents(of: "\(exchange)-two", count: 1) == ["decomposed"])
            }
        }
    }

    @Test func queuesWhoseNamesLookAlikeAreDifferent() async throws {
        let (composed, decomposed) = ("caf\u{E9}", "cafe\u{301}")
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue(composed), holding: "m")
            #expect(try await channel.declare(Queue(decomposed)).messageCount == 0)
            #expect(try await channel.get(decomposed) == nil)
            #expect(try await channel.delete(queue: decomposed) == 0)
            #expect(try await session.contents(of: composed, count: 1) == ["m"])
        }
    }

    @Test func headersWithTheSameNumberMatchWhateverItsKind() async throws {
        try await expectHeaders(
            ["a": 1],
            match: [
                (["a": 1], true), (["a": .int64(1)], true), (["a": .uint8(1)], true), (["a": 1.0], true),
                (["a": .float(1)], true), (["a": .timestamp(1)], true), (["a": true], false), (["a": "1"], false),
                (["a": .void], false), (["A": 1], false), ([:], false),
            ]
        )
    }

    @Test func headersWithTheSameBytesMatchAsTextOrNot() async throws {
        try await expectHeaders(
            ["a": "x"],
            match: [(["a": "x"], true), (["a": .bytes([0x78])], true), (["a": ["x"]], false), (["a": "X"], false)]
        )
    }

    @Test func nestedHeadersMatchOnlyWithTheSameKinds() async throws {
        try await expectHeaders(
            ["a": ["b": 1], "c": [1, "x"]],
            match: [
                (["a": ["b": 1], "c": [1, "x"]], true), (["a": ["b": .int64(1)], "c": [1, "x"]], false),
                (["a": ["b": 1], "c": ["x", 1]], false),
            ]
        )
    }

    @Test func aVoidArgumentAsksForPresence() async throws {
        try await expectHeaders(
            ["a": .void],
            match: [(["a": 1], true), (["a": "x"], true), (["a": .void], true), (["b": 1], false)]
        )
    }

    @Test func allIsTheDefaultAndMayHaveNoConditions() async throws {
        try await expectHeaders(["a": 1, "b": 2], match: [(["a": 1, "b": 2, "c": 3], true), (["a": 1], false)])
        try await expectHeaders([:], match: [([:], true), (["z": 1], true)])
        try await expectHeaders(["x-match": "all"], match: [([:], true)])
    }

    @Test func anyNeedsACondition() async throws {
        try await expectHeaders(["x-match": "any"], match: [([:], false), (["z": 1], false)])
        try await expectHeaders(
            ["x-match": "any", "a": 1, "b": 2],
            match: [(["a": 1], true), (["a": 3, "b": 2], true), (["a": 3], false), ([:], false)]
        )
    }

    @Test func argumentsThatBeginWithXCountOnlyWithX() async throws {
        try await expectHeaders(["x-match": "all", "x-a": 1], match: [([:], true), (["x-a": 2], true)])
        try await expectHeaders(["x-match": "any", "x-a": 1], match: [(["x-a": 1], false)])
        try await expectHeaders(
            ["x-match": "all-with-x", "x-a": 1, "b": 1],
            match: [(["x-a": 1, "b": 1], true), (["b": 1], false)]
        )
        try await expectHeaders(
            ["x-match": "any-with-x", "x-a": 1, "b": 1],
            match: [(["x-a": 1], true), (["b": 1], true), (["c": 1], false)]
        )
    }

    private func expectHeaders(_ arguments: Headers, match cases: [(headers: Headers, matches: Bool)]) async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Exchange("headers", .headers))
            try await channel.declare(Queue("q"))
            try await channel.bind("q", to: "headers", key: "ignored", arguments: arguments)
            for (index, (headers, _)) in cases.enumerated() {
                try await channel.publish(Message("\(index)", headers: headers), to: "headers", key: "k")
            }
            let expected = cases.indices.filter { cases[$0].matches }.map { "\($0)" }
            #expect(try await session.contents(of: "q", count: expected.count) == expected)
        }
    }

    @Test func aBindingMadeTwiceIsOne() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Exchange("direct", .direct))
            try await channel.declare(Queue("q"))
            for arguments in [[:], [:], ["n": 1]] as [Headers] {
                try await channel.bind("q", to: "direct", key: "k", arguments: arguments)
            }
            try await channel.publish("1", to: "direct", key: "k", mandatory: true)
            // The binding with other arguments is another binding.
            try await channel.call(.queueUnbind("q", from: "direct", key: "k"))
            try await channel.publish("2", to: "direct", key: "k", mandatory: true)
            try await channel.call(.queueUnbind("q", from: "direct", key: "k", arguments: ["n": 1]))
            try await channel.publish("3", to: "direct", key: "k", mandatory: true)
            #expect(try await channel.returns().map { String(decoding: $0.message.body, as: UTF8.self) } == ["3"])
            #expect(try await session.contents(of: "q", count: 2) == ["1", "2"])
        }
    }

    @Test func bindingsWithTheSameArgumentsInAnyOrderAreOne() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Exchange("headers", .headers))
            try await channel.declare(Queue("q"))
            try await channel.bind("q", to: "headers", key: "k", arguments: ["a": 1, "b": "2"])
            let headers: Headers = ["a": 1, "b": "2"]
            // An integer of another width is another argument.
            for arguments in [["a": .int64(1), "b": "2"], ["b": "2", "a": 1]] as [Headers] {
                try await channel.call(.queueUnbind("q", from: "headers", key: "k", arguments: arguments))
                try await channel.publish(Message("m", headers: headers), to: "headers", key: "k", mandatory: true)
            }
            #expect(try await channel.returns().map(\.text) == ["NO_ROUTE"])
            #expect(try await session.contents(of: "q", count: 1) == ["m"])
        }
    }
}
