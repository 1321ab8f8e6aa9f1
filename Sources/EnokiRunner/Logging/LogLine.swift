import Logging

/// One event of the log as one line of text.
struct LogLine: CustomStringConvertible {
    let timestamp: Timestamp
    let level: Logger.Level
    /// The service or logger that it comes from.
    let origin: String
    let message: String
    let metadata: Logger.Metadata

    /// The longest message or value, in Unicode scalars; what is longer is cut.
    static let maximumLength = 4_000

    var description: String {
        let level = "\(self.level)"
        let padding = String(repeating: " ", count: max(7 - level.utf8.count, 0))
        var line = "\(self.timestamp) \(level)\(padding) [\(Self.escaped(self.origin))] \(Self.escaped(self.message))"
        for (key, value) in self.metadata.sorted(by: { $0.key < $1.key }) {
            line += " \(Self.escaped(key))=\(Self.quoted("\(value)"))"
        }
        return line
    }

    /// A value in quotation marks where its end or its parts would be in doubt without.
    private static func quoted(_ value: String) -> String {
        let isPlain = !value.unicodeScalars.contains { scalar in
            " =\"\\".unicodeScalars.contains(scalar) || Self.mustEscape(scalar)
        }
        return value.isEmpty || !isPlain ? "\"\(Self.escaped(value, escapingQuotes: true))\"" : Self.escaped(value)
    }

    /// `text` on one line, as it would be typed in Swift.
    private static func escaped(_ text: String, escapingQuotes: Bool = false) -> String {
        var result = ""
        for (index, scalar) in text.unicodeScalars.enumerated() {
            guard index < Self.maximumLength else { return result + "…" }
            switch scalar {
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case "\"" where escapingQuotes, "\\" where escapingQuotes: result += "\\\(scalar)"
            case _ where Self.mustEscape(scalar): result += "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// Control characters, line and paragraph separators, and those that change the direction or visibility of text.
    private static func mustEscape(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: true
        default: false
        }
    }
}
