import EnokiBroker

/// The bindings of a topic exchange, as a trie over the words of their patterns.
///
/// A routing key is words between dots; words may be empty, and the empty key has none. In a pattern `*` stands for one
/// word and `#` for any number of words. Looking a key up costs what the patterns that begin like it cost, whatever else
/// is bound.
struct TopicTable: RoutingTable {
    private struct Node {
        let parent: Int
        let word: ByteName
        var children: [ByteName: Int] = [:]
        var destinations = DestinationCounts()
    }

    private static let root = 0
    private static let anyWord = ByteName("*")
    private static let anyWords = ByteName("#")

    private var nodes = [Node(parent: TopicTable.root, word: ByteName(""))]
    private var unused: [Int] = []

    /// How many nodes are in use, the root included.
    var nodeCount: Int { self.nodes.count - self.unused.count }

    mutating func insert(_ destination: Destination, routingKey: String, arguments: Headers) {
        var node = Self.root
        for word in Self.words(of: routingKey) { node = self.childOrNew(of: node, word) }
        self.nodes[node].destinations.insert(destination)
    }

    mutating func remove(_ destination: Destination, routingKey: String, arguments: Headers) {
        var node = Self.root
        for word in Self.words(of: routingKey) {
            guard let child = self.nodes[node].children[word] else { return }
            node = child
        }
        self.nodes[node].destinations.remove(destination)
        while node != Self.root, self.nodes[node].children.isEmpty, self.nodes[node].destinations.isEmpty {
            let parent = self.nodes[node].parent
            self.nodes[parent].children[self.nodes[node].word] = nil
            self.unused.append(node)
            node = parent
        }
    }

    func collect(into destinations: inout [Destination], routingKeys: [String], headers: Headers) {
        var matched = NodeSet()
        for routingKey in routingKeys {
            for node in self.nodes(reachedBy: routingKey) { _ = matched.insert(node) }
        }
        // A pattern that many keys match is looked at once: with as many queues behind it they would be a flood.
        for node in matched.nodes { self.nodes[node].destinations.collect(into: &destinations) }
    }

    private func nodes(reachedBy routingKey: String) -> [Int] {
        // The trie read as an automaton: all nodes that the words so far can have led to, advanced word by word. Its cost
        // is bounded by nodes times words, where backtracking over several `#` would be exponential.
        var reached = NodeSet()
        self.reach(Self.root, in: &reached)
        for word in Self.words(of: routingKey) {
            var next = NodeSet()
            for node in reached.nodes {
                if self.nodes[node].word == Self.anyWords, node != Self.root { self.reach(node, in: &next) }
                if let child = self.nodes[node].children[word], word != Self.anyWord, word != Self.anyWords {
                    self.reach(child, in: &next)
                }
                if let child = self.nodes[node].children[Self.anyWord] { self.reach(child, in: &next) }
            }
            if next.nodes.isEmpty { return [] }
            reached = next
        }
        return reached.nodes
    }

    /// Reaches `node`, and through a `#` below it what no word at all leads to.
    private func reach(_ node: Int, in set: inout NodeSet) {
        guard set.insert(node) else { return }
        var node = node
        while let child = self.nodes[node].children[Self.anyWords], set.insert(child) { node = child }
    }

    private mutating func childOrNew(of parent: Int, _ word: ByteName) -> Int {
        if let child = self.nodes[parent].children[word] { return child }
        let node = Node(parent: parent, word: word)
        let index: Int
        if let reused = self.unused.popLast() {
            self.nodes[reused] = node
            index = reused
        } else {
            index = self.nodes.count
            self.nodes.append(node)
        }
        self.nodes[parent].children[word] = index
        return index
    }

    private static func words(of key: String) -> [ByteName] {
        guard !key.isEmpty else { return [] }
        return key.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
            .map { ByteName(String(Substring($0))) }
    }
}

/// Nodes in the order in which they were first reached.
private struct NodeSet {
    private(set) var nodes: [Int] = []
    private var seen: Set<Int> = []

    mutating func insert(_ node: Int) -> Bool {
        // Most keys reach a handful of nodes: a set would cost more than it saves.
        if self.nodes.count < 16 {
            guard !self.nodes.contains(node) else { return false }
        } else {
            if self.seen.isEmpty { self.seen = Set(self.nodes) }
            guard self.seen.insert(node).inserted else { return false }
        }
        self.nodes.append(node)
        return true
    }
}
