import EnokiBroker

/// An exchange as the virtual host keeps it.
struct ExchangeRecord: Sendable {
    /// A binding of this exchange; two that differ only in their arguments are two.
    struct Bound: Hashable, Sendable {
        let destination: Destination
        let routingKey: ByteName
        let arguments: Headers
    }

    let declaration: Exchange
    private(set) var bindings: Set<Bound> = []
    private var table: any RoutingTable

    /// An exchange without bindings; `nil` where nobody knows the kind.
    init?(_ declaration: Exchange) {
        guard let table = Self.table(for: declaration.kind) else { return nil }
        self.declaration = declaration
        self.table = table
    }

    var alternateExchange: String? { self.declaration.arguments["alternate-exchange"]?.stringValue }

    /// - Returns: Whether the binding is new.
    mutating func bind(_ bound: Bound) -> Bool {
        guard self.bindings.insert(bound).inserted else { return false }
        self.table.insert(bound.destination, routingKey: bound.routingKey.string, arguments: bound.arguments)
        return true
    }

    /// - Returns: Whether there was such a binding.
    mutating func unbind(_ bound: Bound) -> Bool {
        guard self.bindings.remove(bound) != nil else { return false }
        self.table.remove(bound.destination, routingKey: bound.routingKey.string, arguments: bound.arguments)
        return true
    }

    func collect(into destinations: inout [Destination], routingKey: String, headers: Headers) {
        self.table.collect(into: &destinations, routingKey: routingKey, headers: headers)
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
