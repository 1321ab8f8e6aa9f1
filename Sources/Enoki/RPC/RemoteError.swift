/// An error that the called method raised and that this caller knows no type for.
public struct RemoteError: RemoteException, Hashable, CustomStringConvertible {
    /// nameko's path, under which it travels when a method lets it through to its own caller.
    public static let path = "nameko.exceptions.RemoteError"

    /// The name of the error's type, such as `ValueError`.
    public let type: String
    /// The full path of the type, such as `builtins.ValueError`; empty when the peer gave none.
    public let path: String
    /// The error's own arguments; nameko turns all but strings, arrays and objects into strings.
    public let exceptionArguments: [JSONValue]
    /// The error in words.
    public let value: String

    /// An error as it arrived.
    public init(type: String, path: String = "", exceptionArguments: [JSONValue] = [], value: String) {
        self.type = type
        self.path = path
        self.exceptionArguments = exceptionArguments
        self.value = value
    }

    /// One that was let through by another service: all that is left of it is its text.
    public init?(arguments: [JSONValue]) {
        self.init(
            type: "RemoteError",
            path: Self.path,
            exceptionArguments: arguments,
            value: arguments.first?.description ?? ""
        )
    }

    /// Type and words, as nameko prints it.
    public var arguments: [JSONValue] { [.string(self.description)] }

    /// Type and words.
    public var description: String { "\(self.type) \(self.value)" }
}
