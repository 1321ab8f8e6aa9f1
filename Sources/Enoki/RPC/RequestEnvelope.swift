/// The body of a request as a caller writes it: `{"args": […], "kwargs": {…}}`.
struct RequestEnvelope: Encodable {
    /// The arguments by position.
    var args: [any Encodable & Sendable] = []
    /// The arguments by name.
    var kwargs: any Encodable & Sendable

    private enum CodingKeys: CodingKey { case args, kwargs }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        var args = container.nestedUnkeyedContainer(forKey: .args)
        for argument in self.args { try args.encode(argument) }
        try container.encode(self.kwargs, forKey: .kwargs)
    }
}

/// Keyword arguments whose names a caller chose.
struct KeywordArguments: Encodable, Sendable {
    var values: [(name: String, value: any Encodable & Sendable)] = []

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: AnyCodingKey.self)
        for (name, value) in self.values { try container.encode(value, forKey: AnyCodingKey(name)) }
    }
}
