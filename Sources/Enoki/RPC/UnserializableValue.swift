/// The result of a method cannot be encoded.
public struct UnserializableValue: RemoteException, Hashable, CustomStringConvertible {
    /// nameko's path.
    public static let path = "nameko.exceptions.UnserializableValueError"
    /// What could not be encoded, and why.
    public let description: String

    init(_ description: String) { self.description = description }
    /// The caller learns no more than that it happened: nameko sends no arguments.
    public init?(arguments: [JSONValue]) { self.init(arguments.first?.description ?? "the result cannot be encoded") }
    /// None, as with nameko.
    public var arguments: [JSONValue] { [] }
}
