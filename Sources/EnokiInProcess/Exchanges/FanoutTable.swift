import EnokiBroker

/// The bindings of a fanout exchange: a message goes to all of them.
struct FanoutTable: RoutingTable {
    private var destinations = DestinationCounts()

    mutating func insert(_ destination: Destination, routingKey: String, arguments: Headers) {
        self.destinations.insert(destination)
    }

    mutating func remove(_ destination: Destination, routingKey: String, arguments: Headers) {
        self.destinations.remove(destination)
    }

    func collect(into destinations: inout [Destination], routingKeys: [String], headers: Headers) {
        self.destinations.collect(into: &destinations)
    }
}
