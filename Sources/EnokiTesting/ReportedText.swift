import Enoki

/// `error` with the name of its type, cut where it is long, without the credentials of addresses.
func describe(_ error: any Error) -> String {
    let type = "\(type(of: error))"
    let text = Redaction.redacted((error as? DecodingError)?.explanation(at: []) ?? "\(error)")
    let whole = text.hasPrefix(type) ? text : "\(type): \(text)"
    return whole.count > 300 ? whole.prefix(300) + "…" : whole
}

/// A message's body as a report shows it: JSON in one line, without what sounds like a secret; of other bodies the size.
struct ReportedBody: CustomStringConvertible {
    let description: String

    private static let maximumSize = 200

    /// Members whose names contain one of these are not shown.
    private static let secretNames = [
        "password", "passwd", "passphrase", "secret", "token", "authorization", "credential", "api_key", "apikey",
        "private_key", "cookie",
    ]

    private static let mask = "\"********\""

    init(_ message: Message, _ codecs: Codecs) {
        guard
            let codec = try? codecs.codec(for: message.properties),
            let value = try? codec.decode(JSONValue.self, from: message.body)
        else {
            self.description = "<\(message.body.count) bytes>"
            return
        }
        let text = Self.text(value)
        self.description = text.count > Self.maximumSize ? text.prefix(Self.maximumSize) + "…" : text
    }

    private static func text(_ value: JSONValue) -> String {
        switch value {
        case .string(let text): Self.quoted(text)
        case .array(let values): "[" + values.map(Self.text).joined(separator: ", ") + "]"
        case .object(let members):
            "{"
                + members.sorted { $0.key < $1.key }
                .map { "\(Self.quoted($0.key)): \(Self.isSecret($0.key) ? Self.mask : Self.text($0.value))" }
                .joined(separator: ", ") + "}"
        default: value.description
        }
    }

    private static func isSecret(_ name: String) -> Bool {
        let name = name.lowercased().replacing("-", with: "_")
        return Self.secretNames.contains { name.contains($0) }
    }

    private static func quoted(_ text: String) -> String {
        // A URI with user and password is a secret under any name.
        if Redaction.hasCredentials(text) { return Self.mask }
        let escaped = text.unicodeScalars.map { scalar in
            switch scalar {
            case "\"": "\\\""
            case "\\": "\\\\"
            case _ where scalar.properties.generalCategory == .control: "\\u{\(String(scalar.value, radix: 16))}"
            default: String(scalar)
            }
        }
        return "\"\(escaped.joined())\""
    }
}
