/// A delivery that this process has in hand, with what is known of it beside its message.
struct Incoming: Sendable {
    let delivery: Delivery
    /// Where it comes from: it decides whether a message may kill its processes.
    let origin: Redeliveries.Origin
    /// Until when its caller waits; `nil` where nobody says. Waiting for a worker takes from it.
    let deadline: Deadline?

    var message: Message { self.delivery.message }
    var headers: Headers { self.message.properties.headers }

    /// Whether its caller waits no longer.
    var hasExpired: Bool { self.deadline.map { $0.remaining <= .zero } ?? false }
}
