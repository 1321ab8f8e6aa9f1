/// Why dead letters could not be looked at, replayed or discarded. Nothing is lost by it.
struct DeadLetterError: Error, Hashable, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
