/// A message came back unsettled too often: the processes that had it probably died of it.
///
/// It stands in the dead letter. The caller of an RPC method gets it, and a nameko caller a `RemoteError` of type
/// `DeliveryLimitExceeded`: the method may have done parts of its work, each time.
public struct DeliveryLimitExceeded: RemoteException, Hashable, CustomStringConvertible {
    /// The path on the wire.
    public static let path = "enoki.DeliveryLimitExceeded"
    /// The name of the entrypoint.
    public let entrypoint: String
    /// How often the message came back.
    public let redeliveries: Int

    /// A message for `entrypoint` came back `redeliveries` times.
    public init(entrypoint: String, redeliveries: Int) {
        self.entrypoint = entrypoint
        self.redeliveries = redeliveries
    }

    /// The name and the number.
    public init?(arguments: [JSONValue]) {
        guard arguments.count == 2, case .string(let entrypoint) = arguments[0],
            case .integer(let redeliveries) = arguments[1]
        else { return nil }
        self.init(entrypoint: entrypoint, redeliveries: Int(clamping: redeliveries))
    }

    /// The name and the number.
    public var arguments: [JSONValue] { [.string(self.entrypoint), .integer(Int64(self.redeliveries))] }

    /// What came back how often.
    public var description: String {
        "the message came back unsettled \(self.redeliveries) times: the processes in which \(self.entrypoint) had it have "
            + "probably died of it (delivery_limit)"
    }
}
