/// A call took longer than its entrypoint (`timeout:`) or ``ServiceSettings/handlerTimeout`` allows, and was cancelled.
///
/// The caller of an RPC method gets it, and a nameko caller a `RemoteError` of type `HandlerTimeout`: the method may have done
/// its work, or parts of it.
public struct HandlerTimeout: RemoteException, Hashable, CustomStringConvertible {
    /// The path on the wire.
    public static let path = "enoki.HandlerTimeout"
    /// The name of the entrypoint.
    public let entrypoint: String
    /// How long it may take.
    public let timeout: Duration

    /// A call of `entrypoint` took longer than `timeout`.
    public init(entrypoint: String, timeout: Duration) {
        self.entrypoint = entrypoint
        self.timeout = timeout
    }

    /// The name and the milliseconds.
    public init?(arguments: [JSONValue]) {
        guard arguments.count == 2, case .string(let entrypoint) = arguments[0],
            case .integer(let milliseconds) = arguments[1]
        else { return nil }
        self.init(entrypoint: entrypoint, timeout: .milliseconds(milliseconds))
    }

    /// The name and the milliseconds.
    public var arguments: [JSONValue] { [.string(self.entrypoint), .integer(self.timeout.wholeMilliseconds)] }

    /// What took how long.
    public var description: String { "\(self.entrypoint) took longer than \(self.timeout)" }
}
