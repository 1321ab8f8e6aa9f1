import Foundation

/// A secret that is easy to find wherever it gets out, in whatever form, and hard to recognise as one: with characters that end
/// addresses, words, lines and strings.
struct Canary: Sendable, Hashable {
    /// The secret as it is.
    let text: String

    /// Half a secret is one too: it stands at both ends.
    private static let feather = "kAnArY"

    private static let awkward = [
        "", "\"", "'", "\\", "%", "%25", "%zz", "@", ":", "/", "?", "#", "\n", "\r\n", "\t", " ", "&", "=", "+", ";",
        ",", "<",
        ">", "é", "e\u{301}", "日本語", "🍄", "${HOME}", "{}", "[", "]", "`", "$(id)", "\u{202E}", "://", "|", "..", "~",
        "*",
        "%s", "\\n", "\\u0041", "5672", "5672/", "\u{1B}[31m", "==", "\u{FEFF}", "!", "--", "\u{7F}",
    ]

    /// Five hundred of them.
    static let flock: [Canary] = (0..<500).map { index in
        Canary(text: "\(feather)\(index)\(awkward[index % awkward.count])\(feather)")
    }

    /// The secret as a careful writer puts it into an address.
    var percentEncoded: String {
        self.text.utf8.map { byte in
            let isPlain = (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
            return isPlain ? String(UnicodeScalar(byte)) : "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
    }

    /// The secret inside of a string of JSON.
    var inJSON: String {
        let encoded = (try? JSONEncoder().encode([self.text])).map { String(decoding: $0, as: UTF8.self) } ?? ""
        return String(encoded.dropFirst(2).dropLast(2))
    }

    /// In an address, as it is and escaped.
    func addresses(_ shape: String) -> [String] {
        [self.text, self.percentEncoded].map { shape.replacing("{}", with: $0) }
    }

    // MARK: - Finding

    /// How a secret may look where it got out.
    enum Form: String, CaseIterable, Sendable {
        case plain, base64, base64Later, base64Last, hex, percent, bytes, unicode
    }

    /// The form in which a canary stands in `text`; `nil` when none does.
    static func form(in text: String) -> Form? {
        // As a C string, which is searched faster than Swift's when tests are built for debugging.
        let bytes = text.utf8.map { $0 == 0 ? CChar(bitPattern: 0x20) : CChar(bitPattern: $0) } + [0]
        return self.needles.first { needle in strstr(bytes, needle.text) != nil }?.form
    }

    private static let needles: [(form: Form, text: String)] = {
        let bytes = Array(feather.utf8)
        func base64(after count: Int) -> String {
            let text = Data(Array(repeating: 0, count: count) + bytes).base64EncodedString().filter { $0 != "=" }
            // What depends on the neighbours is left out.
            return count == 0 ? text : String(text.dropFirst(count + 1).dropLast())
        }
        func each(_ text: (UInt8) -> String) -> String { bytes.map(text).joined() }
        func hex(_ byte: UInt8, uppercase: Bool) -> String { String(byte, radix: 16, uppercase: uppercase) }
        return [
            (.plain, feather), (.plain, feather.lowercased()), (.plain, feather.uppercased()),
            (.base64, base64(after: 0)), (.base64Later, base64(after: 1)), (.base64Last, base64(after: 2)),
            (.hex, each { hex($0, uppercase: false) }), (.hex, each { hex($0, uppercase: true) }),
            (.percent, each { "%" + hex($0, uppercase: false) }), (.percent, each { "%" + hex($0, uppercase: true) }),
            (.bytes, bytes.map { "\($0)" }.joined(separator: ", ")),
            (.unicode, each { "\\u00" + hex($0, uppercase: false) }),
        ]
    }()
}
