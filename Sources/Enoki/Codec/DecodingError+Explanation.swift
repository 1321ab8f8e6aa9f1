extension DecodingError {
    /// What was expected and what was found at `path`, in words for the one who sent it.
    package func explanation(at path: [String]) -> String { self.explanation(at: path, hiding: .none) }

    /// The same, without what a sensitive value could show.
    func explanation(at path: [String], hiding sensitive: SensitiveArguments) -> String {
        let place = path.isEmpty ? "the body" : "'\(Self.joined(path))'"
        if sensitive.covers(path) { return "\(place): \(self.hidden)" }
        return switch self {
        case .typeMismatch(let type, let context): "\(place): expected \(type), \(Self.brief(context))"
        case .valueNotFound(let type, _): "\(place): expected \(type), found null"
        case .keyNotFound(let key, _):
            "missing 1 required argument: '\(Self.joined(path + [key.stringValue]))'"
        case .dataCorrupted(let context): "\(place): \(Self.brief(context))"
        @unknown default: "\(place): cannot be decoded"
        }
    }

    /// What can be said of a value that nobody is to see.
    private var hidden: String {
        switch self {
        case .typeMismatch(let type, _), .valueNotFound(let type, _):
            "expected \(type), found \(SensitiveArguments.redacted)"
        case .keyNotFound(let key, _): "missing 1 required argument: '\(key.stringValue)'"
        default: "cannot be read, found \(SensitiveArguments.redacted)"
        }
    }

    /// The steps from the top of the body to where decoding failed; `envelope` and the position in it are left out.
    func path(below envelope: [String]) -> [String] {
        var steps = self.context.codingPath.map { key in key.intValue.map { "[\($0)]" } ?? key.stringValue }
        if let first = steps.first, envelope.contains(first) {
            // In the envelope the second step is the name or the position of the argument, which the caller knows.
            steps.removeFirst(envelope.count == 1 ? 1 : min(2, steps.count))
        }
        return steps
    }

    private var context: Context {
        switch self {
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .keyNotFound(_, let context),
            .dataCorrupted(let context):
            context
        @unknown default: Context(codingPath: [], debugDescription: "")
        }
    }

    private static func joined(_ path: [String]) -> String {
        path.reduce(into: "") { $0 += Self.step($1, after: $0) }
    }

    private static func step(_ step: String, after path: String) -> String {
        path.isEmpty || step.utf8.first == UInt8(ascii: "[") ? step : "." + step
    }

    private static func brief(_ context: Context) -> String {
        // Foundation's sentences end with "but found a string instead." and hold no more of the value than a number. Swift's of an
        // enum with raw values hold the whole of it, however long, and those of a type's own what they like.
        let text = Redaction.withoutCredentials(context.debugDescription, maximumLength: 1000)
        guard let found = text.range(ofFirst: "found ") else { return String(text.prefix(200)) }
        let words = text[found...].dropFirst(6).prefix(60).prefix { $0 != "." }
        return "found " + (words.hasSuffix(" instead") ? words.dropLast(" instead".count) : words)
    }
}

extension String {
    /// Where `word` begins first.
    fileprivate func range(ofFirst word: String) -> String.Index? {
        self.indices.first { self[$0...].hasPrefix(word) }
    }
}
