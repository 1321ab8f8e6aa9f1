/// A call was not made: the chain of calls that wait for it goes in a circle, or is too long.
///
/// The caller of an RPC method gets it, and a nameko caller a `RemoteError` of type `CallChainExceeded`. An event whose handler fails
/// with it is a dead letter with the reason `loop`, without a further attempt.
public struct CallChainExceeded: RemoteException, Hashable, CustomStringConvertible {
    /// The path on the wire.
    public static let path = "enoki.CallChainExceeded"

    /// Which of the ``CallChainLimits`` it is beyond: the name of the setting.
    public enum Limit: String, Sendable, Hashable {
        /// One entrypoint stands in the chain too often.
        case repeats = "call_repeat_limit"
        /// The chain is too long.
        case depth = "call_depth_limit"
    }

    /// What was to be called: `service.entrypoint`.
    public let call: String
    /// Which limit it is beyond.
    public let limit: Limit
    /// How often it stands in the chain already, or how many calls wait for it.
    public let count: Int
    /// The way to it, itself at the end: once around the circle, where it stands in the chain already, otherwise the last
    /// calls of the chain.
    public let chain: [String]

    /// `call` was not made because of `limit`.
    public init(call: String, limit: Limit, count: Int, chain: [String]) {
        self.call = call
        self.limit = limit
        self.count = count
        self.chain = chain
    }

    /// What was to be called, the limit, the number and the way.
    public init?(arguments: [JSONValue]) {
        guard arguments.count == 4, case .string(let call) = arguments[0], case .string(let name) = arguments[1],
            let limit = Limit(rawValue: name), case .integer(let count) = arguments[2],
            case .array(let chain) = arguments[3]
        else { return nil }
        let names = chain.compactMap { if case .string(let name) = $0 { name } else { nil } }
        self.init(call: call, limit: limit, count: Int(clamping: count), chain: names)
    }

    /// What was to be called, the limit, the number and the way.
    public var arguments: [JSONValue] {
        [
            .string(self.call), .string(self.limit.rawValue), .integer(Int64(self.count)),
            .array(self.chain.map(JSONValue.string)),
        ]
    }

    /// What was not called, why, and the way to it.
    public var description: String {
        let reason =
            switch self.limit {
            case .repeats: "it stands \(self.count) times in the chain of calls that wait for it"
            case .depth: "\(self.count) calls wait for it"
            }
        let way = self.chain.joined(separator: " → ")
        return "\(self.call) was not called: \(reason), which is as many as \(self.limit.rawValue) allows (\(way))"
    }
}
