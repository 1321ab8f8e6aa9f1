/// A contract of an RPC method: a value that is encoded as the call's keyword arguments.
///
/// ```swift
/// struct Charge: RPCRequest {
///     static let service = "payments"     // queue "rpc-payments"
///     static let method = "charge"        // routing key "payments.charge"
///     typealias Reply = Receipt
///     var order: Int
///     var amount: Decimal
/// }
/// ```
///
/// Caller and service share the type, or one side is in another language and keeps to the names. Fields that the service
/// does not know are ignored, so that callers may be newer than the service.
public protocol RPCRequest: Codable, Sendable {
    /// What the method returns; ``NoReply`` for a method that returns nothing.
    associatedtype Reply: Codable & Sendable

    /// The name of the service that has the method.
    static var service: String { get }

    /// The name of the method on the wire.
    static var method: String { get }

    /// The names of the parameters, in order. Only with them may a caller give arguments by position, and arguments that
    /// are not among them are an ``IncorrectSignature``. Empty by default.
    static var parameters: [String] { get }

    /// The errors that the method throws on purpose: a caller gets them as what they are instead of as ``RemoteError``.
    static var errors: [any RemoteException.Type] { get }
}

extension RPCRequest {
    /// No parameters are named.
    public static var parameters: [String] { [] }
    /// No errors are declared.
    public static var errors: [any RemoteException.Type] { [] }
}

/// The reply of a method that returns nothing: `null` on the wire. Whatever a peer sends instead is ignored.
public struct NoReply: Codable, Sendable, Hashable {
    /// The only value.
    public init() {}
    /// Reads anything.
    public init(from decoder: any Decoder) throws {}
    /// Writes `null`.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encodeNil()
    }
}
