import EnokiBroker

/// The bindings of a headers exchange: a message goes where its headers match the binding's arguments.
///
/// As in RabbitMQ the argument `x-match` says `all` (the default) or `any`; with these two, names that begin with `x-`
/// take no part, with `all-with-x` and `any-with-x` they do. Looking up is linear in the number of bindings.
struct HeadersTable: RoutingTable {
    private struct Entry {
        let match: HeadersMatch
        let arguments: Headers
        let destination: Destination
    }

    private var entries: [Entry] = []

    mutating func insert(_ destination: Destination, routingKey: String, arguments: Headers) {
        let match = HeadersMatch(arguments)
        self.entries.append(Entry(match: match, arguments: arguments, destination: destination))
    }

    mutating func remove(_ destination: Destination, routingKey: String, arguments: Headers) {
        let index = self.entries.firstIndex { $0.destination == destination && $0.arguments == arguments }
        if let index { self.entries.remove(at: index) }
    }

    func collect(into destinations: inout [Destination], routingKey: String, headers: Headers) {
        for entry in self.entries where entry.match.matches(headers) { destinations.append(entry.destination) }
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

    func matches(_ headers: Headers) -> Bool {
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
