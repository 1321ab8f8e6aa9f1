/// The codecs that a process knows: the first writes, each reads its own content type.
public struct Codecs: Sendable {
    private let codecs: [any Codec]

    /// JSON alone.
    public static let json = Codecs(JSONCodec())

    /// `first` writes; `first` and `others` read.
    public init(_ first: any Codec, _ others: any Codec...) {
        self.codecs = [first] + others
    }

    /// The codec that writes what has no content type of its own yet.
    public var preferred: any Codec { self.codecs[0] }

    /// The codec for a message. A message without a content type is read by the preferred codec.
    ///
    /// - Throws: ``UnsupportedContent`` when none reads its content type, or when its body is compressed.
    package func codec(for properties: BasicProperties) throws(UnsupportedContent) -> any Codec {
        if let compression = properties.headers["compression"] {
            throw UnsupportedContent("the body is compressed (\("\(compression)".prefix(100))): send it uncompressed")
        }
        guard let contentType = properties.contentType else { return self.preferred }
        // Nearly always as it is written here; to take it apart costs as much as to read a small number.
        if self.preferred.contentType.hasSameBytes(as: contentType) { return self.preferred }
        let mediaType = contentType.prefix { $0 != ";" }.filter { $0 != " " }.lowercased()
        guard let codec = self.codecs.first(where: { $0.contentType.hasSameBytes(as: mediaType) }) else {
            let known = self.codecs.map(\.contentType).joined(separator: ", ")
            throw UnsupportedContent("content type '\(contentType.prefix(100))' is not accepted: send \(known)")
        }
        return codec
    }
}

/// A message whose body no codec of the process reads: its content type is not one of theirs, or it is compressed.
public struct UnsupportedContent: Error, Sendable, Hashable, CustomStringConvertible {
    /// What was found, and what is accepted.
    public let description: String

    init(_ description: String) { self.description = description }
}
