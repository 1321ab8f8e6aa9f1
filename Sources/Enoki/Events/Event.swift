/// A contract of an event: a value that is the body of the message.
///
/// ```swift
/// struct OrderPlaced: Event {
///     static let source = "orders"         // exchange "orders.events"
///     static let type = "order.placed"     // routing key
///     var id: Int
///     var total: Decimal
/// }
/// ```
///
/// Fields that a handler does not know are ignored, so that the service may be newer than the handler.
public protocol Event: Codable, Sendable {
    /// The name of the service that dispatches it.
    static var source: String { get }

    /// What happened, in words of the source's choice: the routing key.
    static var type: String { get }
}
