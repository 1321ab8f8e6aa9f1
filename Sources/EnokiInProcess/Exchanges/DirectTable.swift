import EnokiBroker

/// The bindings of a direct exchange: a message goes where its routing key is bound.
struct DirectTable: RoutingTable {
    private var destinations: [ByteName: DestinationCounts] = [:]

    mutating func insert(_ destination: Destination, routingKey: String, arguments: Headers) {
        self.destinations[ByteName(routingKey), default: DestinationCounts()].insert(destination)
    }

    mutating func remove(_ destination: Destination, routingKey: String, arguments: Headers) {
        let key = ByteName(routingKey)
        self.destinations[key]?.remove(destination)
        if self.destinations[key]?.isEmpty == true { self.destinations[key] = nil }
    }

    func collect(into destinations: inout [Destination], routingKeys: [String], headers: Headers) {
        for routingKey in routingKeys { self.destinations[ByteName(routingKey)]?.collect(into: &destinations) }
    }
}
