public import Enoki

/// The arguments of a call, by position and by name, as any JSON.
public struct CallArguments: Sendable, Hashable {
    /// Those by position.
    public var args: [JSONValue] = []
    /// Those by name.
    public var kwargs: [String: JSONValue] = [:]

    /// None.
    public init() {}

    /// The argument of that name.
    public subscript(name: String) -> JSONValue? { self.kwargs[name] }

    /// The argument at that position, counted from 0.
    public subscript(position: Int) -> JSONValue? {
        self.args.indices.contains(position) ? self.args[position] : nil
    }

    private struct Envelope: Decodable {
        let args: [JSONValue]
        let kwargs: [String: JSONValue]
    }

    /// Those in a message: of a request its arguments, of an event the event.
    init(_ message: Message, _ codecs: Codecs) {
        guard let codec = try? codecs.codec(for: message.properties) else { return }
        if let envelope = try? codec.decode(Envelope.self, from: message.body) {
            self.args = envelope.args
            self.kwargs = envelope.kwargs
        } else if let event = try? codec.decode(JSONValue.self, from: message.body) {
            self.args = [event]
        }
    }
}
