import EnokiBroker

/// The bindings of a headers exchange: a message goes where its headers match the binding's arguments.
///
/// As in RabbitMQ the argument `x-match` says `all` (the default) or `any`; with these two, names that begin with `x-`
/// take no part, with `all-with-x` and `any-with-x` they do. Looking up is linear in the number of bindings.
struct HeadersTable: RoutingTable {
    private struct Key: Hashable {
        let destination: Destination
        let arguments: Headers
    }

    private struct Entry {
        let match: HeadersMatch
        /// How many bindings there are that differ in their routing keys alone.
        var count = 0
    }

    private var entries: [Key: Entry] = [:]

    mutating func insert(_ destination: Destination, routingKey: String, arguments: Headers) {
        let key = Key(destination: destination, arguments: arguments)
        self.entries[key, default: Entry(match: HeadersMatch(arguments))].count += 1
    }

    mutating func remove(_ destination: Destination, routingKey: String, arguments: Headers) {
        let key = Key(destination: destination, arguments: arguments)
        guard let count = self.entries[key]?.count else { return }
        if count > 1 { self.entries[key]?.count -= 1 } else { self.entries[key] = nil }
    }

    func collect(into destinations: inout [Destination], routingKeys: [String], headers: Headers) {
        guard !self.entries.isEmpty else { return }
        let headers = HeadersLookup(headers)
        for (key, entry) in self.entries where entry.match.matches(headers) { destinations.append(key.destination) }
    }
}

/// The headers of a message, to be asked for by their names many times.
struct HeadersLookup {
    private let headers: Headers
    /// The first one of each name; `nil` where they are so few that looking at all is faster.
    private var indices: [ByteName: Int]?

    init(_ headers: Headers) {
        self.headers = headers
        guard headers.count > 16 else { return }
        let indices = headers.indices.lazy.map { (ByteName(headers[$0].name), $0) }
        self.indices = Dictionary(indices, uniquingKeysWith: { first, _ in first })
    }

    subscript(name: String) -> FieldValue? {
        guard let indices = self.indices else { return self.headers[name] }
        return indices[ByteName(name)].map { self.headers[$0].value }
    }
}

/// What a binding to a headers exchange asks of a message.
struct HeadersMatch: Sendable {
    private let wanted: [Headers.Element]
    private let any: Bool

    init(_ arguments: Headers) {
        let mode = arguments["x-match"]?.stringValue ?? "all"
        let withX = mode.hasSuffix("-with-x")
        self.any = mode.hasPrefix("any")
        self.wanted = arguments.filter { argument in
            !argument.name.hasSameBytes(as: "x-match") && (withX || !argument.name.utf8.starts(with: "x-".utf8))
        }
    }

    func matches(_ headers: HeadersLookup) -> Bool {
        func fits(_ wanted: Headers.Element) -> Bool {
            headers[wanted.name].map { wanted.value == .void || $0.hasSameValue(as: wanted.value) } ?? false
        }
        return self.any ? self.wanted.contains(where: fits) : self.wanted.allSatisfy(fits)
    }
}

extension FieldValue {
    /// Whether a headers exchange of RabbitMQ takes the two for one, which compares them as Erlang's terms: numbers of all
    /// kinds by their value, times among them, and texts and byte arrays by their bytes.
    fileprivate func hasSameValue(as other: FieldValue) -> Bool {
        if let left = self.erlangBytes, let right = other.erlangBytes { return left == right }
        if let left = self.erlangInteger, let right = other.erlangInteger { return left == right }
        if let left = self.erlangNumber, let right = other.erlangNumber { return left == right }
        return self == other
    }

    private var erlangBytes: [UInt8]? {
        switch self {
        case .string(let value): Array(value.utf8)
        case .bytes(let value): value
        default: nil
        }
    }

    private var erlangInteger: Int128? {
        switch self {
        case .timestamp(let value): Int128(value)
        default: self.integerValue.map { Int128($0) }
        }
    }

    private var erlangNumber: Double? {
        switch self {
        case .float(let value): Double(value)
        case .double(let value): value
        default: self.erlangInteger.map { Double($0) }
        }
    }
}
