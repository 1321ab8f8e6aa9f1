/// An error that keeps its identity across the wire: thrown in an RPC method it reaches the caller as the same type.
///
/// ```swift
/// struct OutOfStock: RemoteException {
///     static let path = "stock.OutOfStock"
///     var sku: String
///
///     var arguments: [JSONValue] { [.string(sku)] }
///     init(sku: String) { self.sku = sku }
///     init?(arguments: [JSONValue]) {
///         guard case .string(let sku) = arguments.first else { return nil }
///         self.sku = sku
///     }
/// }
/// ```
///
/// The caller names the types it knows, in ``RPCRequest/errors`` or at its ``RPCProxy``; others reach it as
/// ``RemoteError``. A nameko caller registers its class under the same path with `deserialize_to_instance`.
public protocol RemoteException: Error, Sendable {
    /// The `exc_path` on the wire, which is what a caller recognises the error by: an explicit string, since the path of a
    /// Swift type changes when code moves.
    static var path: String { get }

    /// The `exc_args` on the wire.
    var arguments: [JSONValue] { get }

    /// Makes the error of what arrived; `nil` when the arguments do not fit.
    init?(arguments: [JSONValue])
}

extension RemoteException {
    /// The `exc_type` on the wire: the last word of the path.
    static var typeName: String { String(Self.path.split(separator: ".").last ?? "") }
}
