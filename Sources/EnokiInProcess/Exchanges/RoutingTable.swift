import EnokiBroker

/// Where an exchange sends a message.
enum Destination: Hashable, Comparable, Sendable {
    case queue(QueueID)
    case exchange(ExchangeID)
}

/// The bindings of one exchange, in the shape in which its kind looks them up.
protocol RoutingTable: Sendable {
    /// Adds a binding. The same key and destination may be bound several times, with different arguments.
    mutating func insert(_ destination: Destination, routingKey: String, arguments: Headers)

    /// Removes a binding that was inserted with the same values.
    mutating func remove(_ destination: Destination, routingKey: String, arguments: Headers)

    /// Adds to `destinations` all that a message goes to by any of its keys, in any order and possibly more than once.
    func collect(into destinations: inout [Destination], routingKeys: [String], headers: Headers)
}

/// Destinations with the number of bindings that lead to each.
struct DestinationCounts: Sendable {
    private var counts: [Destination: Int] = [:]

    var isEmpty: Bool { self.counts.isEmpty }

    mutating func insert(_ destination: Destination) { self.counts[destination, default: 0] += 1 }

    mutating func remove(_ destination: Destination) {
        guard let count = self.counts[destination] else { return }
        self.counts[destination] = count > 1 ? count - 1 : nil
    }

    func collect(into destinations: inout [Destination]) { destinations.append(contentsOf: self.counts.keys) }
}
