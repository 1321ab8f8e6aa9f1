import EnokiBroker

/// An exchange as the virtual host keeps it.
final class ExchangeRecord {
    /// A binding of this exchange; two that differ only in their arguments are two.
    struct Bound: Hashable, Sendable {
        let destination: Destination
        let routingKey: ByteName
        /// By their names: the order in which they were given makes no difference.
        let arguments: Headers
    }

    /// How a binding came to be.
    struct Origin {
        /// Counts the bindings of the exchange.
        let number: UInt64
        /// The arguments as they were given.
        let arguments: Headers
    }

    let id: ExchangeID
    let declaration: Exchange
    private(set) var bindings: [Bound: Origin] = [:]
    private var table: any RoutingTable
    private var lastNumber: UInt64 = 0

    /// An exchange without bindings; `nil` where nobody knows the kind.
    init?(id: ExchangeID, _ declaration: Exchange) {
        guard let table = Self.table(for: declaration.kind) else { return nil }
        self.id = id
        self.declaration = declaration
        self.table = table
    }

    static func knows(_ kind: Exchange.Kind) -> Bool { Self.table(for: kind) != nil }

    var alternateExchange: String? { self.declaration.arguments["alternate-exchange"]?.stringValue }

    /// Whether it goes because it has lost its last binding.
    var isUnused: Bool { self.declaration.autoDelete && self.bindings.isEmpty }

    /// - Parameter arguments: Those of the binding, as they were given.
    /// - Returns: Whether the binding is new.
    func bind(_ bound: Bound, arguments: Headers) -> Bool {
        guard self.bindings[bound] == nil else { return false }
        self.lastNumber += 1
        self.bindings[bound] = Origin(number: self.lastNumber, arguments: arguments)
        self.table.insert(bound.destination, routingKey: bound.routingKey.string, arguments: bound.arguments)
        return true
    }

    /// - Returns: Whether there was such a binding.
    func unbind(_ bound: Bound) -> Bool {
        guard self.bindings.removeValue(forKey: bound) != nil else { return false }
        self.table.remove(bound.destination, routingKey: bound.routingKey.string, arguments: bound.arguments)
        return true
    }

    /// Adds to `destinations` all that a message goes to, in any order and possibly more than once.
    func collect(into destinations: inout [Destination], for message: PublishedMessage) {
        let headers = message.message.properties.headers
        self.table.collect(into: &destinations, routingKeys: message.routingKeys, headers: headers)
    }

    private static func table(for kind: Exchange.Kind) -> (any RoutingTable)? {
        switch kind {
        case .direct: DirectTable()
        case .topic: TopicTable()
        case .fanout: FanoutTable()
        case .headers: HeadersTable()
        default: nil
        }
    }
}
