/// A text as RabbitMQ puts it together with Erlang's `io_lib:format`: what `~p` writes is wrapped at column 80.
package struct ErlangText {
    private static let width = 80

    /// What has been written.
    package private(set) var text: String
    /// Where its last line ends, counted as Erlang does: an octet is a character.
    private var column: Int

    /// A text that begins so.
    package init(_ text: String) {
        self.text = text
        self.column = text.utf8.count
    }

    /// Writes text as it is, as `~s` does. There is no end of line in it.
    package mutating func write(_ text: String) {
        self.text += text
        self.column += text.utf8.count
    }

    /// Writes octets as a binary: as a string where all can be printed in Latin 1, otherwise as numbers.
    ///
    /// In a string, a character stands for the octet of its number.
    package mutating func write(binary octets: some Collection<UInt8>) {
        if octets.isEmpty { return self.write("<<>>") }
        guard let string = Self.string(octets) else { return self.write(numbers: octets) }
        self.text += "<<\"\(string)\">>"
        self.column += string.unicodeScalars.count + 6
    }

    /// Writes a pair of an atom and a value that does not wrap.
    package mutating func write(atom: String, _ value: String) {
        let length = atom.utf8.count + value.utf8.count + 3
        guard length < Self.width - 1 - self.column else {
            let indent = self.column + 1
            self.text += "{\(atom),"
            self.breakLine(indent)
            return self.write("\(value)}")
        }
        self.write("{\(atom),\(value)}")
    }

    private mutating func write(numbers octets: some Collection<UInt8>) {
        self.write("<<")
        let indent = self.column
        for (position, octet) in octets.enumerated() {
            let number = position == octets.count - 1 ? "\(octet)" : "\(octet),"
            if position > 0, self.column + number.utf8.count >= Self.width { self.breakLine(indent) }
            self.write(number)
        }
        self.write(">>")
    }

    private mutating func breakLine(_ indent: Int) {
        self.text += "\n" + String(repeating: " ", count: indent)
        self.column = indent
    }

    /// The octets as they stand between quotes, each as a character; `nil` where one of them cannot be printed.
    private static func string(_ octets: some Collection<UInt8>) -> String? {
        var string = ""
        for octet in octets {
            switch octet {
            case UInt8(ascii: "\""): string += "\\\""
            case UInt8(ascii: "\\"): string += "\\\\"
            case 0x08: string += "\\b"
            case 0x09: string += "\\t"
            case 0x0A: string += "\\n"
            case 0x0B: string += "\\v"
            case 0x0C: string += "\\f"
            case 0x0D: string += "\\r"
            case 0x1B: string += "\\e"
            case 0x20...0x7E, 0xA0...0xFF: string.unicodeScalars.append(Unicode.Scalar(octet))
            default: return nil
            }
        }
        return string
    }
}
