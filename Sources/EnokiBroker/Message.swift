/// A message: a body of bytes with its properties.
public struct Message: Sendable {
    /// The payload.
    public var body: [UInt8]
    /// The basic properties, headers among them.
    public var properties: BasicProperties { didSet { self.encodedProperties = nil } }
    /// The properties as they came on a wire, flags before them; `nil` where they came on none, or were changed since.
    ///
    /// A broker passes on what it got, byte by byte: what Swift reads as one value, such as a string, can have several forms
    /// on a wire.
    package var encodedProperties: [UInt8]?
    /// What the transport did not take of it: then the body is empty, and the headers may be. Only a consumer that asks for
    /// such messages gets them (``ConsumerOptions/takesDefective``).
    package var defect: MessageDefect?

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

extension Message: Hashable {
    /// Compares body and properties, however they came.
    public static func == (left: Self, right: Self) -> Bool {
        left.body == right.body && left.properties == right.properties
    }

    /// Hashes body and properties.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(self.body)
        hasher.combine(self.properties)
    }
}
