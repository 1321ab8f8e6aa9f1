public import Enoki

/// An event that a worker without a broker has dispatched.
public struct RecordedDispatch: Sendable {
    /// The service that it comes from.
    public let source: String
    /// What happened: the routing key.
    public let type: String
    /// The message, with the context in its headers.
    public let message: Message

    let codecs: Codecs

    /// The event.
    ///
    /// - Throws: `DecodingError` when it is no such event.
    public func event<Payload: Decodable>(as type: Payload.Type = Payload.self) throws -> Payload {
        try self.codecs.codec(for: self.message.properties).decode(Payload.self, from: self.message.body)
    }
}
