import EnokiBroker
import Testing

@testable import EnokiInProcess

// Serialized, for these compute: all at once they would keep other tests from their threads.
@Suite(.serialized) struct TopicTableTests {
    @Test(arguments: [
        ("a.b", "a.b", true), ("a.b", "a.c", false), ("a.b", "a", false), ("a.b", "a.b.c", false),
        ("a.*", "a.b", true), ("a.*", "a", false), ("a.*", "a.b.c", false), ("*", "a", true), ("*", "", false),
        ("#", "", true), ("#", "a", true), ("#", "a.b.c", true), ("#.b", "b", true), ("#.b", "a.c.b", true),
        ("#.b", "b.a", false), ("a.#", "a", true), ("a.#", "a.b.c", true), ("a.#", "b", false),
        ("a.#.b", "a.b", true), ("a.#.b", "a.x.y.b", true), ("a.#.b", "a.b.c", false),
        ("#.#", "", true), ("#.#", "a", true), ("#.*", "", false), ("#.*", "a", true), ("*.#", "a.b", true),
        ("#.a.#", "x.a.y", true), ("#.a.#.b.#", "a.a.x.b", true), ("#.a.#.b.#", "b.a", false),
        // Words may be empty, and an empty word is a word.
        ("a..b", "a..b", true), ("a.*.b", "a..b", true), ("a.b", "a..b", false), ("*.*", ".", true), ("", "", true),
        ("", ".", false), ("a.*", "a.", true),
        // Only whole words are wild, and letters are bytes.
        ("a*", "ab", false), ("a*", "a*", true), ("a#", "a.b", false), ("A", "a", false),
        ("\u{e9}", "\u{65}\u{301}", false), ("\u{e9}", "\u{e9}", true),
        // In a routing key the signs are ordinary.
        ("*", "*", true), ("a.b", "a.*", false), ("#", "#", true), ("a", "#", false), ("a.#", "a.#", true),
    ])
    func matchesPatternsAsAMQPDoes(pattern: String, key: String, matches: Bool) {
        var table = TopicTable()
        table.insert(self.queue(1), routingKey: pattern, arguments: [:])
        #expect(self.queues(of: table, key) == (matches ? [1] : []))
    }

    @Test func forgetsWhatIsUnbound() {
        var table = TopicTable()
        let patterns = ["a.b.c", "a.b", "a.#", "#", "*.b", "", "a.b.c.d.e"]
        for (number, pattern) in patterns.enumerated() {
            table.insert(self.queue(number), routingKey: pattern, arguments: [:])
        }
        for (number, pattern) in patterns.enumerated() {
            table.remove(self.queue(number), routingKey: pattern, arguments: [:])
        }
        #expect(self.queues(of: table, "a.b") == [])
        #expect(table.nodeCount == 1)
    }

    @Test func aPatternBoundTwiceStaysUntilBothAreUnbound() {
        var table = TopicTable()
        table.insert(self.queue(1), routingKey: "a.*", arguments: [:])
        table.insert(self.queue(1), routingKey: "a.*", arguments: ["x": 1])
        table.remove(self.queue(1), routingKey: "a.*", arguments: [:])
        #expect(self.queues(of: table, "a.b") == [1])
        table.remove(self.queue(1), routingKey: "a.*", arguments: ["x": 1])
        #expect(self.queues(of: table, "a.b") == [])
    }

    @Test func aKeyOfManyWordsAgainstManyHashesIsNoTrap() {
        var table = TopicTable()
        let pattern = Array(repeating: "#", count: 60).joined(separator: ".a.")
        table.insert(self.queue(1), routingKey: pattern, arguments: [:])
        let key = Array(repeating: "a", count: 127).joined(separator: ".")
        #expect(self.queues(of: table, key) == [1])
        #expect(self.queues(of: table, key.replacing("a", with: "b")) == [])
    }

    @Test(arguments: 0..<40 as Range<UInt64>) func agreesWithAPlainMatcher(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var table = TopicTable()
        var bound: [(queue: Int, pattern: String)] = []
        for step in 0..<100 {
            switch Int.random(in: 0..<4, using: &random) {
            case 0, 1:
                let pattern = Self.key(of: ["a", "b", "", "*", "#"], using: &random)
                bound.append((step, pattern))
                table.insert(self.queue(step), routingKey: pattern, arguments: [:])
            case 2:
                guard let index = bound.indices.randomElement(using: &random) else { continue }
                let (queue, pattern) = bound.remove(at: index)
                table.remove(self.queue(queue), routingKey: pattern, arguments: [:])
            default:
                let key = Self.key(of: ["a", "b", "", "c"], using: &random)
                let expected = bound.filter { Self.matches(Self.words($0.pattern)[...], Self.words(key)[...]) }
                #expect(self.queues(of: table, key) == expected.map(\.queue).sorted(), "key \(key)")
            }
        }
        for (queue, pattern) in bound { table.remove(self.queue(queue), routingKey: pattern, arguments: [:]) }
        #expect(table.nodeCount == 1)
    }

    private static func key(of words: [String], using random: inout SeededGenerator) -> String {
        (0..<Int.random(in: 0...5, using: &random)).map { _ in words.randomElement(using: &random) ?? "" }
            .joined(separator: ".")
    }

    private static func words(_ key: String) -> [Substring] {
        key.isEmpty ? [] : key.split(separator: ".", omittingEmptySubsequences: false)
    }

    private static func matches(_ pattern: ArraySlice<Substring>, _ key: ArraySlice<Substring>) -> Bool {
        switch (pattern.first, key.first) {
        case (nil, nil): true
        case ("#", nil): self.matches(pattern.dropFirst(), key)
        case ("#", _): self.matches(pattern.dropFirst(), key) || self.matches(pattern, key.dropFirst())
        case ("*", .some): self.matches(pattern.dropFirst(), key.dropFirst())
        case (let wanted, let word): wanted == word && self.matches(pattern.dropFirst(), key.dropFirst())
        }
    }

    private func queue(_ number: Int) -> Destination { .queue(QueueID(number: UInt64(number))) }

    private func queues(of table: TopicTable, _ key: String) -> [Int] {
        var destinations: [Destination] = []
        table.collect(into: &destinations, routingKeys: [key], headers: [:])
        return destinations.sorted().compactMap { if case .queue(let id) = $0 { Int(id.number) } else { nil } }
    }
}
