import NIOCore

/// How RabbitMQ's texts write octets.
extension ByteBuffer {
    /// At most the first 16 octets, and whether they are all (`rabbit_reader:payload_snippet`).
    var erlangSnippet: String {
        let octets = Array(self.readableBytesView.prefix(16))
        return "\(self.readableBytes <= 16 ? "all" : "first 16") octets = \(Self.erlangText(octets))"
    }

    /// The octets as numbers, as Erlang's `~w` writes a binary. Of many only those that fit a reply text.
    var erlangNumbers: String { Self.erlangNumbers(self.readableBytesView.prefix(255)) }

    /// As Erlang's `~p` writes a binary: as a string where all is printable in Latin 1, otherwise as numbers.
    ///
    /// Two things are otherwise: RabbitMQ sends Latin 1, where a text must be UTF-8, and breaks a line of many numbers.
    private static func erlangText(_ octets: [UInt8]) -> String {
        var text = ""
        for octet in octets {
            switch octet {
            case UInt8(ascii: "\""): text += "\\\""
            case UInt8(ascii: "\\"): text += "\\\\"
            case 0x08: text += "\\b"
            case 0x09: text += "\\t"
            case 0x0A: text += "\\n"
            case 0x0B: text += "\\v"
            case 0x0C: text += "\\f"
            case 0x0D: text += "\\r"
            case 0x1B: text += "\\e"
            case 0x20...0x7E, 0xA0...0xFF: text.unicodeScalars.append(Unicode.Scalar(octet))
            default: return self.erlangNumbers(octets)
            }
        }
        return octets.isEmpty ? "<<>>" : "<<\"\(text)\">>"
    }

    private static func erlangNumbers(_ octets: some Sequence<UInt8>) -> String {
        "<<" + octets.lazy.map(String.init).joined(separator: ",") + ">>"
    }
}
