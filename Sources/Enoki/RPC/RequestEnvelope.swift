/// The body of a request as a caller writes it: `{"args": […], "kwargs": {…}}`.
package struct RequestEnvelope: Encodable, Sendable {
    /// The arguments by position.
    package var args: [any Encodable & Sendable]
    /// The arguments by name.
    package var kwargs: any Encodable & Sendable

    package init(args: [any Encodable & Sendable] = [], kwargs: any Encodable & Sendable = KeywordArguments()) {
        self.args = args
        self.kwargs = kwargs
    }

    /// Whether there are no arguments.
    var isEmpty: Bool { self.args.isEmpty && self.hasNoKeywords }

    /// Whether no argument is given by name.
    var hasNoKeywords: Bool { (self.kwargs as? KeywordArguments)?.values.isEmpty == true }

    private enum CodingKeys: CodingKey { case args, kwargs }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        var args = container.nestedUnkeyedContainer(forKey: .args)
        for argument in self.args { try args.encode(argument) }
        try container.encode(self.kwargs, forKey: .kwargs)
    }
}

/// Keyword arguments whose names a caller chose.
package struct KeywordArguments: Encodable, Sendable {
    package var values: [(name: String, value: any Encodable & Sendable)]

    package init(values: [(name: String, value: any Encodable & Sendable)] = []) { self.values = values }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: AnyCodingKey.self)
        for (name, value) in self.values { try container.encode(value, forKey: AnyCodingKey(name)) }
    }
}
