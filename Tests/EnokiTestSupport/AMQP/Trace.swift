import EnokiBroker

/// What was done to a broker and what it did, a line for each, in words that are the same at every run.
public final class Trace: Sendable {
    private struct State {
        var lines: [String] = []
        var generated: [String: String] = [:]
    }

    private let virtualHost: String
    private let state = Locked(State())

    /// An empty trace of a broker that calls its virtual host by that name.
    public init(virtualHost: String) { self.virtualHost = virtualHost }

    /// The lines so far.
    public var lines: [String] { self.state.withLock { $0.lines } }

    /// Adds a line.
    public func add(_ line: String) {
        let line = self.normalised(line)
        self.state.withLock { $0.lines.append(line) }
    }

    /// `text` with placeholders for the names that a broker makes up and for its virtual host.
    public func normalised(_ text: String) -> String {
        var text = text.replacing("vhost '\(self.virtualHost)'", with: "vhost '/'")
        for prefix in ["amq.gen-", "amq.ctag-", "amq.rabbitmq.reply-to."] {
            text = self.replaceNames(in: text, prefix: prefix)
        }
        return text
    }

    /// Replaces each different name by its number in order of appearance: `amq.gen-#1`.
    private func replaceNames(in text: String, prefix: String) -> String {
        var result = ""
        var rest = text[...]
        while let range = rest.firstRange(of: prefix) {
            result += rest[..<range.upperBound]
            let name = rest[range.upperBound...].prefix { $0.isLetter || $0.isNumber || "-_+/=.".contains($0) }
            result += name.isEmpty ? "" : self.placeholder(prefix: prefix, name: String(name))
            rest = rest[name.endIndex...]
        }
        return result + rest
    }

    private func placeholder(prefix: String, name: String) -> String {
        self.state.withLock { state in
            let key = prefix + name
            if let known = state.generated[key] { return known }
            let count = state.generated.keys.count { $0.hasPrefix(prefix) }
            let placeholder = "#\(count + 1)"
            state.generated[key] = placeholder
            return placeholder
        }
    }
}
