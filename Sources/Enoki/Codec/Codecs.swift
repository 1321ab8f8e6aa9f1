/// The codecs that a process knows: the first writes, each reads its own content type.
public struct Codecs: Sendable {
    private let codecs: [any Codec]
    private let limits: MessageLimits

    /// JSON alone.
    public static let json = Codecs(JSONCodec())

    /// `first` writes; `first` and `others` read.
    public init(_ first: any Codec, _ others: any Codec...) {
        self.init([first] + others, MessageLimits())
    }

    private init(_ codecs: [any Codec], _ limits: MessageLimits) {
        self.codecs = codecs
        self.limits = limits
    }

    /// The same for messages within `limits`.
    package func limited(by limits: MessageLimits) -> Codecs {
        Codecs(self.codecs.map { $0.limited(by: limits) }, limits)
    }

    /// The codec that writes what has no content type of its own yet.
    public var preferred: any Codec { self.codecs[0] }

    /// Reads a message.
    ///
    /// - Throws: ``UnreadableMessage``, whatever is wrong with it.
    package func read<Value: Decodable>(
        _ type: Value.Type = Value.self,
        from message: Message
    ) throws(UnreadableMessage) -> Value {
        try self.read(Value.self, from: message, hiding: .none)
    }

    /// Reads a message, and shows nothing `sensitive` in an error.
    func read<Value: Decodable>(
        _ type: Value.Type = Value.self,
        from message: Message,
        hiding sensitive: SensitiveArguments
    ) throws(UnreadableMessage) -> Value {
        let codec = try self.codec(for: message)
        do {
            return try codec.decode(Value.self, from: message.body)
        } catch {
            throw UnreadableMessage(error, hiding: sensitive)
        }
    }

    /// The codec for a message that is within the limits. A message without a content type is read by the preferred codec.
    ///
    /// - Throws: ``UnreadableMessage`` when it is not, or when none reads its content type.
    package func codec(for message: Message) throws(UnreadableMessage) -> any Codec {
        try self.limits.check(message)
        return try self.codec(for: message.properties)
    }

    /// The codec for bodies with these properties.
    package func codec(for properties: BasicProperties) throws(UnreadableMessage) -> any Codec {
        if let compression = properties.headers["compression"] {
            throw .unsupported("the body is compressed (\("\(compression)".prefix(100))): send it uncompressed")
        }
        let codec = try self.codec(for: properties.contentType)
        if let encoding = properties.contentEncoding, !codec.reads(encoding: encoding) {
            throw .unsupported(
                "content encoding '\(encoding.prefix(100))' is not accepted: send \(codec.contentEncoding)"
            )
        }
        return codec
    }

    private func codec(for contentType: String?) throws(UnreadableMessage) -> any Codec {
        guard let contentType else { return self.preferred }
        // Nearly always as it is written here; to take it apart costs as much as to read a small number.
        if self.preferred.contentType.hasSameBytes(as: contentType) { return self.preferred }
        let parts = contentType.split(separator: ";", omittingEmptySubsequences: false).map { part in
            part.filter { $0 != " " && $0 != "\"" }.lowercased()
        }
        guard let codec = self.codecs.first(where: { $0.contentType.hasSameBytes(as: parts[0]) }) else {
            let known = self.codecs.map(\.contentType).joined(separator: ", ")
            throw .unsupported("content type '\(contentType.prefix(100))' is not accepted: send \(known)")
        }
        for parameter in parts.dropFirst() where parameter.hasPrefix("charset=") {
            guard codec.reads(encoding: String(parameter.dropFirst("charset=".count))) else {
                throw .unsupported(
                    "content type '\(contentType.prefix(100))' is not accepted: send \(codec.contentType)"
                )
            }
        }
        return codec
    }
}

extension Codec {
    /// Whether a body in that content encoding, or that charset, is one of this codec's. kombu writes `utf-8` and `binary`;
    /// ASCII is UTF-8 too.
    fileprivate func reads(encoding: String) -> Bool {
        let encoding = encoding.lowercased()
        return encoding.hasSameBytes(as: self.contentEncoding.lowercased())
            || ["", "utf-8", "utf8", "us-ascii", "ascii", "binary", "identity"].contains(where: encoding.hasSameBytes)
    }
}

extension UnreadableMessage {
    fileprivate static func unsupported(_ explanation: String) -> Self { Self(.unsupportedContent, explanation) }
}
