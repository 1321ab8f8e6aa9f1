/// Turns values into bodies of messages and back; chosen by the content type of the message.
public protocol Codec: Sendable {
    /// The MIME type that it writes and reads, such as `application/json`.
    var contentType: String { get }

    /// The encoding that goes into the message beside it, such as `utf-8`.
    var contentEncoding: String { get }

    /// The bytes of `value`.
    ///
    /// - Throws: `EncodingError` for a value that the format cannot hold.
    func encode(_ value: some Encodable) throws -> [UInt8]

    /// The value in `body`. `userInfo` is handed to the type's `init(from:)`.
    ///
    /// - Throws: `DecodingError` for a body that does not hold such a value; what the type's `init(from:)` throws.
    func decode<Value: Decodable>(
        _ type: Value.Type,
        from body: [UInt8],
        userInfo: [CodingUserInfoKey: any Sendable]
    ) throws -> Value

    /// The codec for a process with these limits. One whose format does not nest, or that bounds it by itself, returns
    /// itself, which is what it does by default.
    func limited(by limits: MessageLimits) -> Self
}

extension Codec {
    /// Returns itself.
    public func limited(by limits: MessageLimits) -> Self { self }

    package func decode<Value: Decodable>(_ type: Value.Type, from body: [UInt8]) throws -> Value {
        try self.decode(type, from: body, userInfo: [:])
    }

    /// A persistent message with the encoded value, as nameko's publishers make it.
    package func message(
        _ value: some Encodable,
        headers: Headers,
        correlationID: String? = nil,
        replyTo: String? = nil
    ) throws -> Message {
        Message(
            body: try self.encode(value),
            properties: BasicProperties(
                contentType: self.contentType,
                contentEncoding: self.contentEncoding,
                headers: headers,
                deliveryMode: .persistent,
                priority: 0,
                correlationID: correlationID,
                replyTo: replyTo
            )
        )
    }
}
