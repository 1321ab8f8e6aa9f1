public import EnokiBroker

import struct EnokiInProcess.SeededGenerator

/// Makes messages that no service can read, each in one of many ways, from a seed.
public struct MalformedMessages {
    /// One way in which a message is wrong.
    public struct Kind: Sendable {
        /// A few words, such as `truncated`.
        public let name: String
        /// The word for it in a dead letter: `malformed`, `unsupported-content` or `too-large`.
        public let reason: String
        let make: @Sendable (_ id: Int, _ random: inout SeededGenerator) -> Message
    }

    /// The longest body that the service of the corpus reads.
    public static let maximumBodySize = 32 * 1024

    private var random: SeededGenerator

    /// Messages that come from `seed`.
    public init(seed: UInt64) { self.random = SeededGenerator(seed: seed) }

    /// A message of kind number `index`, with the kind's name and `id` in its message id.
    public mutating func message(_ index: Int, id: Int) -> Message {
        let kind = Self.kinds[index % Self.kinds.count]
        var message = kind.make(id, &self.random)
        message.properties.messageID = "\(kind.name)/\(id)"
        message.properties.deliveryMode = .persistent
        return message
    }

    /// What the service of the corpus reads.
    public static func good(_ id: Int) -> Message {
        Message(
            Self.body(id),
            properties: BasicProperties(contentType: "application/json", contentEncoding: "utf-8")
        )
    }

    private static func body(
        _ id: Int,
        qty: String = "2",
        price: String = "1.5",
        note: String = #""a note""#,
        more: String = ""
    ) -> String {
        #"{"id": \#(id), "qty": \#(qty), "price": \#(price), "note": \#(note), "items": [{"sku": "tea"}]\#(more)}"#
    }

    // MARK: - Kinds

    private static func malformed(
        _ name: String,
        _ body: @escaping @Sendable (Int, inout SeededGenerator) -> String
    ) -> Kind {
        Self.malformedOctets(name) { Array(body($0, &$1).utf8) }
    }

    private static func malformedOctets(
        _ name: String,
        _ body: @escaping @Sendable (Int, inout SeededGenerator) -> [UInt8]
    ) -> Kind {
        Kind(name: name, reason: "malformed") { id, random in
            Message(body: body(id, &random), properties: BasicProperties(contentType: "application/json"))
        }
    }

    private static func wrong(
        _ reason: String,
        _ name: String,
        _ change: @escaping @Sendable (inout Message, inout SeededGenerator) -> Void
    ) -> Kind {
        Kind(name: name, reason: reason) { id, random in
            var message = Self.good(id)
            change(&message, &random)
            return message
        }
    }

    /// All kinds, each under a name of its own.
    public static let kinds = structures + encodings + values + envelopes

    /// What is no JSON, or JSON of another shape.
    private static let structures: [Kind] = [
        malformed("truncated") { id, random in
            let body = body(id)
            return String(body.prefix(Int.random(in: 1..<body.count, using: &random)))
        },
        malformed("empty") { _, _ in "" },
        malformed("blank") { _, random in
            String(repeating: " \t\n", count: Int.random(in: 1...50, using: &random))
        },
        malformed("scalar") { _, random in
            ["1", "true", "null", "\"text\"", "-0.5"].randomElement(using: &random) ?? ""
        },
        malformed("array") { id, _ in "[\(body(id))]" },
        malformed("trailing") { id, random in
            body(id) + (["}", "]", ",", "x", "{}", "\u{0}"].randomElement(using: &random) ?? "")
        },
        malformed("missing key") { id, _ in #"{"id": \#(id)}"# },
        malformed("null for a value") { id, _ in body(id, note: "null") },
        malformed("string for a number") { id, _ in body(id, qty: "\"2\"") },
        malformed("number for a string") { id, random in body(id, note: "\(random.next())") },
        malformed("object for a scalar") { id, _ in body(id, note: #"{"a": 1}"#) },
        malformed("name twice") { id, _ in body(id, more: #", "qty": 3"#) },
        malformed("name twice by an escape") { id, _ in body(id, more: #", "\u0071ty": 3"#) },
        malformed("arrays too deep") { id, random in
            let depth = Int.random(in: 65...5000, using: &random)
            return body(
                id,
                note: String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
            )
        },
        malformed("objects too deep") { id, random in
            let depth = Int.random(in: 65...3000, using: &random)
            return body(
                id,
                note: String(repeating: #"{"a":"#, count: depth) + "1"
                    + String(repeating: "}", count: depth)
            )
        },
        malformed("only opening") { _, random in
            String(repeating: "[", count: Int.random(in: 1...30_000, using: &random))
        },
    ]

    /// What is no text, or text that is not JSON.
    private static let encodings: [Kind] = [
        malformedOctets("not UTF-8") { id, random in
            Array(body(id, note: "\"").utf8) + [UInt8.random(in: 0x80...0xFF, using: &random)]
                + Array("\"}".utf8)
        },
        malformedOctets("UTF-16") { id, _ in
            body(id).utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
        },
        malformedOctets("byte order mark") { id, _ in [0xEF, 0xBB, 0xBF] + Array(body(id).utf8) },
        malformedOctets("noise") { _, random in
            (0...Int.random(in: 0...500, using: &random)).map { _ in
                .random(in: 0x80...0xFF, using: &random)
            }
        },
        malformed("half a character") { id, _ in body(id, note: #""\ud83c""#) },
        malformed("control character") { id, random in
            body(id, note: "\"a\(UnicodeScalar(UInt8.random(in: 0..<0x20, using: &random)))b\"")
        },
        malformed("escape that is none") { id, _ in body(id, note: #""\x41""#) },
    ]

    /// What does not fit its type, and what other formats write.
    private static let values: [Kind] = [
        malformed("1e400") { id, _ in body(id, price: "1e400") },
        malformed("2^63") { id, _ in body(id).replacing("\(id),", with: "9223372036854775808,") },
        malformed("2^64") { id, _ in body(id, qty: "18446744073709551616") },
        malformed("negative") { id, _ in body(id, qty: "-1") },
        malformed("fraction") { id, _ in body(id, qty: "1.5") },
        malformed("NaN") { id, _ in body(id, qty: "NaN") },
        malformed("leading zero") { id, _ in body(id, qty: "007") },
        malformed("JavaScript") { id, random in
            let body = body(id)
            return [
                "/* a */ \(body)", body.replacing("\"", with: "'"), String(body.dropLast()) + ",}",
                body.replacing("\"id\"", with: "id"),
            ]
            .randomElement(using: &random) ?? ""
        },
        malformed("Python") { id, _ in body(id, note: "None") },
        malformed("XML") { id, _ in "<order><id>\(id)</id></order>" },
    ]

    /// What is wrong around the body.
    private static let envelopes: [Kind] = [
        wrong("unsupported-content", "pickle") { message, _ in
            message.body = [0x80, 0x04, 0x63, 0x6F, 0x73, 0x0A]
            message.properties.contentType = "application/x-python-serialize"
            message.properties.contentEncoding = "binary"
        },
        wrong("unsupported-content", "content type") { message, random in
            message.properties.contentType = [
                "text/plain", "", ";", "application/json2", "\u{212A}", "application/x-yaml",
            ]
            .randomElement(using: &random)
        },
        wrong("unsupported-content", "charset") { message, _ in
            message.properties.contentType = "application/json; charset=utf-16"
        },
        wrong("unsupported-content", "content encoding") { message, random in
            message.body = [0x1F, 0x8B, 0x08, 0x00]
            message.properties.contentEncoding = ["gzip", "deflate", "zstd", "latin1"].randomElement(
                using: &random
            )
        },
        wrong("unsupported-content", "compression") { message, _ in
            message.properties.headers["compression"] = "application/x-gzip"
        },
        wrong("too-large", "body") { message, random in
            message.body += [UInt8](
                repeating: 0x20,
                count: maximumBodySize + Int.random(in: 0...10_000, using: &random)
            )
        },
        wrong("too-large", "header") { message, random in
            let size = Int.random(in: 9_000...100_000, using: &random)
            message.properties.headers["big"] = .string(String(repeating: "x", count: size))
        },
        wrong("too-large", "headers") { message, random in
            for index in 0..<Int.random(in: 65...1000, using: &random) {
                message.properties.headers.append("k\(index)", 1)
            }
        },
        wrong("too-large", "nested headers") { message, _ in
            message.properties.headers["nested"] = [
                "a": [["b": .string(String(repeating: "x", count: 10_000))]]
            ]
        },
    ]
}
