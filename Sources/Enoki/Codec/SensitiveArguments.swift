/// Which parts of the arguments are shown to nobody: nameko's `sensitive_arguments`.
///
/// A path begins with the name of a parameter, for an event with a field of it, and goes on with names and positions, such as
/// `card.number`, `items[0].note`. What it leads to is shown as `********`, with all that is in it.
struct SensitiveArguments: Sendable, Hashable {
    /// What stands for a value that is not shown.
    static let redacted = "********"

    /// None.
    static let none = SensitiveArguments([])

    /// The steps of each path, as those of a decoding error are written: `["items", "[0]", "note"]`.
    private let paths: [[String]]
    /// The first path that cannot be understood.
    private let unclear: String?

    /// The parts that `paths` lead to.
    init(_ paths: [String]) {
        let steps = paths.map { Self.steps($0) }
        self.paths = steps.compactMap { $0 }
        self.unclear = zip(paths, steps).first { $0.1 == nil }?.0
    }

    /// Throws for a path that cannot be understood: what it was to hide would be shown.
    func validate(of entrypoint: String) throws(ConfigurationError) {
        guard let unclear = self.unclear else { return }
        throw ConfigurationError(
            "\(entrypoint): '\(unclear)' is no path to a sensitive argument: write it as in 'card.number' or 'items[0].note'"
        )
    }

    /// Whether what an error says of the value at `path` may hold something sensitive: when the value lies in a sensitive
    /// part, or one lies in it.
    func covers(_ path: [String]) -> Bool {
        self.paths.contains { sensitive in
            zip(sensitive, path).allSatisfy { $0.hasSameBytes(as: $1) }
        }
    }

    /// `value`, which is at `path`, without its sensitive parts.
    func redact(_ value: JSONValue, at path: [String] = []) -> JSONValue {
        let relevant = self.paths.filter { zip($0, path).allSatisfy { $0.hasSameBytes(as: $1) } }
        // Most have none: their values are not looked into.
        guard !relevant.isEmpty else { return value }
        guard relevant.allSatisfy({ $0.count > path.count }) else { return .string(Self.redacted) }
        let next = relevant.map { $0[path.count] }
        let leadsIntoArray = next.map { $0.hasPrefix("[") }
        switch value {
        case .array(let values) where !leadsIntoArray.contains(false):
            return .array(values.enumerated().map { self.redact($1, at: path + ["[\($0)]"]) })
        case .object(let members) where !leadsIntoArray.contains(true):
            let redacted = members.map { ($0.key, self.redact($0.value, at: path + [$0.key])) }
            return .object(Dictionary(redacted, uniquingKeysWith: { $1 }))
        default:
            // Of another type than the path says: what was to be hidden may stand here.
            return .string(Self.redacted)
        }
    }

    /// `nil` for what is no path.
    private static func steps(_ path: String) -> [String]? {
        var steps: [String] = []
        for (index, word) in path.split(separator: ".", omittingEmptySubsequences: false).enumerated() {
            let parts = word.split(separator: "[", omittingEmptySubsequences: false)
            guard let name = parts.first, !name.contains("]"), !name.isEmpty || (index == 0 && parts.count > 1) else {
                return nil
            }
            if !name.isEmpty { steps.append(String(name)) }
            for part in parts.dropFirst() {
                guard part.last == "]", let position = Int(part.dropLast()), position >= 0 else { return nil }
                steps.append("[\(position)]")
            }
        }
        return steps.isEmpty ? nil : steps
    }
}
