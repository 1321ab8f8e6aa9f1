/// A message: a body of bytes with its properties.
public struct Message: Sendable, Hashable {
    /// The payload.
    public var body: [UInt8]
    /// The basic properties, headers among them.
    public var properties: BasicProperties

    /// A message with `body` and `properties`.
    public init(body: [UInt8], properties: BasicProperties = BasicProperties()) {
        self.body = body
        self.properties = properties
    }

    /// A message whose body is the UTF-8 of `text`.
    public init(_ text: String, properties: BasicProperties = BasicProperties()) {
        self.init(body: Array(text.utf8), properties: properties)
    }
}
