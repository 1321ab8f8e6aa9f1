/// A request that is not one: its body does not hold `args` and `kwargs`, or cannot be read at all.
public struct MalformedRequest: RemoteException, Hashable, CustomStringConvertible {
    /// nameko's path.
    public static let path = "nameko.exceptions.MalformedRequest"
    /// What is wrong.
    public let message: String

    /// An error that says `message`.
    public init(_ message: String) { self.message = message }
    /// The message, from the first argument.
    public init?(arguments: [JSONValue]) { self.init(arguments.first?.description ?? "") }
    /// The message.
    public var arguments: [JSONValue] { [.string(self.message)] }
    /// The message.
    public var description: String { self.message }
}

/// The service has no RPC method of that name.
public struct MethodNotFound: RemoteException, Hashable, CustomStringConvertible {
    /// nameko's path.
    public static let path = "nameko.exceptions.MethodNotFound"
    /// The name that was called.
    public let method: String

    /// No method `method`.
    public init(_ method: String) { self.method = method }
    /// The name, from the first argument.
    public init?(arguments: [JSONValue]) { self.init(arguments.first?.description ?? "") }
    /// The name.
    public var arguments: [JSONValue] { [.string(self.method)] }
    /// The name.
    public var description: String { self.method }
}

/// The arguments of a call do not fit the method: one is missing, surplus, given twice or of the wrong type.
public struct IncorrectSignature: RemoteException, Hashable, CustomStringConvertible {
    /// nameko's path.
    public static let path = "nameko.exceptions.IncorrectSignature"
    /// What is wrong, with the name of the parameter.
    public let message: String

    /// An error that says `message`.
    public init(_ message: String) { self.message = message }
    /// The message, from the first argument.
    public init?(arguments: [JSONValue]) { self.init(arguments.first?.description ?? "") }
    /// The message.
    public var arguments: [JSONValue] { [.string(self.message)] }
    /// The message.
    public var description: String { self.message }
}
