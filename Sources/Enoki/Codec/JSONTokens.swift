/// Cuts a JSON text into its tokens and checks its grammar (RFC 8259): without recursion, in one pass, copying nothing.
///
/// Python's bare words `NaN`, `Infinity` and `-Infinity` are tokens too. The text must be UTF-8.
struct JSONTokens {
    enum Token: Equatable {
        case beginArray, endArray, beginObject, endObject
        /// The name of a member; its value follows.
        case name(Characters)
        case string(Characters)
        case number(Range<Int>)
        case word(Word)
    }

    /// What stands between quotation marks.
    struct Characters: Equatable {
        var range: Range<Int>
        var hasEscapes: Bool
        /// Whether half of a surrogate pair is among them: Python writes such texts, and no Swift string can hold one.
        var hasHalfCharacters = false
    }

    enum Word: String, CaseIterable {
        case null
        case `true`
        case `false`
        case notANumber = "NaN"
        case infinity = "Infinity"
        case negativeInfinity = "-Infinity"

        /// Whether only Python writes it.
        var isPythons: Bool { [.notANumber, .infinity, .negativeInfinity].contains(self) }
    }

    private enum Expected { case value, valueOrEnd, name, nameOrEnd, commaOrEnd, nothing }

    private let text: [UInt8]
    private let maximumDepth: Int
    /// Where the token ends that was given last, but for a name, whose ':' is passed too.
    private(set) var position = 0
    private var expected = Expected.value
    /// The arrays and objects that are open: whether each is an object.
    private var open: [Bool] = []

    init(_ text: [UInt8], maximumDepth: Int) {
        self.text = text
        self.maximumDepth = maximumDepth
    }

    /// The next token; `nil` when the text has ended where it may.
    mutating func next() throws(JSONSyntaxError) -> Token? {
        while true {
            self.skipSpace()
            guard let byte = self.peek else {
                guard self.expected == .nothing else { throw self.error("more: the text ends too early") }
                return nil
            }
            switch self.expected {
            case .nothing: throw self.error("the end of the text")
            case .commaOrEnd:
                guard byte == UInt8(ascii: ",") else { return try self.end("',' or the end of what is open") }
                self.position += 1
                self.expected = self.open.last == true ? .name : .value
            case .nameOrEnd where byte == UInt8(ascii: "}"): return try self.end("a name")
            case .name, .nameOrEnd: return .name(try self.name())
            case .valueOrEnd where byte == UInt8(ascii: "]"): return try self.end("a value")
            case .value, .valueOrEnd: return try self.value(byte)
            }
        }
    }

    private mutating func skipSpace() {
        while let byte = self.peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { self.position += 1 }
    }

    private var peek: UInt8? { self.position < self.text.count ? self.text[self.position] : nil }

    private func error(_ expected: String) -> JSONSyntaxError {
        JSONSyntaxError(position: self.position, expected: expected)
    }

    // MARK: - Structure

    private mutating func value(_ byte: UInt8) throws(JSONSyntaxError) -> Token {
        switch byte {
        case UInt8(ascii: "["):
            try self.begin(isObject: false)
            return .beginArray
        case UInt8(ascii: "{"):
            try self.begin(isObject: true)
            return .beginObject
        case UInt8(ascii: "\""):
            self.valueHasEnded()
            return .string(try self.characters())
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            self.valueHasEnded()
            return try self.takes(.negativeInfinity) ? .word(.negativeInfinity) : .number(self.number())
        default:
            for word in Word.allCases where self.takes(word) {
                self.valueHasEnded()
                return .word(word)
            }
            throw self.error("a value")
        }
    }

    private mutating func begin(isObject: Bool) throws(JSONSyntaxError) {
        guard self.open.count < self.maximumDepth else {
            throw self.error("at most \(self.maximumDepth) levels of nesting")
        }
        self.open.append(isObject)
        self.position += 1
        self.expected = isObject ? .nameOrEnd : .valueOrEnd
    }

    private mutating func end(_ otherwise: String) throws(JSONSyntaxError) -> Token {
        guard let isObject = self.open.last, self.peek == UInt8(ascii: isObject ? "}" : "]") else {
            throw self.error(otherwise)
        }
        self.open.removeLast()
        self.position += 1
        self.valueHasEnded()
        return isObject ? .endObject : .endArray
    }

    private mutating func valueHasEnded() { self.expected = self.open.isEmpty ? .nothing : .commaOrEnd }

    private mutating func name() throws(JSONSyntaxError) -> Characters {
        guard self.peek == UInt8(ascii: "\"") else { throw self.error("a name in quotation marks") }
        let name = try self.characters()
        self.skipSpace()
        guard self.peek == UInt8(ascii: ":") else { throw self.error("':'") }
        self.position += 1
        self.expected = .value
        return name
    }

    // MARK: - Scalars

    private mutating func takes(_ word: Word) -> Bool {
        guard self.text[self.position...].starts(with: word.rawValue.utf8) else { return false }
        self.position += word.rawValue.utf8.count
        return true
    }

    private mutating func number() throws(JSONSyntaxError) -> Range<Int> {
        let start = self.position
        if self.peek == UInt8(ascii: "-") { self.position += 1 }
        if self.peek == UInt8(ascii: "0") { self.position += 1 } else { try self.digits() }
        if self.peek == UInt8(ascii: ".") {
            self.position += 1
            try self.digits()
        }
        if self.peek == UInt8(ascii: "e") || self.peek == UInt8(ascii: "E") {
            self.position += 1
            if self.peek == UInt8(ascii: "+") || self.peek == UInt8(ascii: "-") { self.position += 1 }
            try self.digits()
        }
        return start..<self.position
    }

    private mutating func digits() throws(JSONSyntaxError) {
        let start = self.position
        while let byte = self.peek, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { self.position += 1 }
        guard self.position > start else { throw self.error("a digit") }
    }

    private mutating func characters() throws(JSONSyntaxError) -> Characters {
        self.position += 1
        var characters = Characters(range: self.position..<self.position, hasEscapes: false)
        while let byte = self.peek {
            switch byte {
            case UInt8(ascii: "\""):
                characters.range = characters.range.lowerBound..<self.position
                self.position += 1
                return characters
            case UInt8(ascii: "\\"):
                characters.hasEscapes = true
                if try self.escape() { characters.hasHalfCharacters = true }
            case 0..<0x20: throw self.error("an escape in place of a control character")
            default: self.position += 1
            }
        }
        throw self.error("more: the text ends in a string")
    }

    /// Passes over an escape, or over two that are one character.
    ///
    /// - Returns: Whether it is half of a surrogate pair.
    private mutating func escape() throws(JSONSyntaxError) -> Bool {
        self.position += 1
        switch self.peek {
        case UInt8(ascii: "u"):
            switch try self.codeUnit() {
            case 0xDC00..<0xE000: return true
            case 0xD800..<0xDC00:
                guard self.text[self.position...].starts(with: Array("\\u".utf8)) else { return true }
                self.position += 1
                return try !(0xDC00..<0xE000).contains(self.codeUnit())
            default: return false
            }
        case .some(let byte) where Self.simpleEscapes.contains(byte):
            self.position += 1
            return false
        default: throw self.error("an escape that JSON has")
        }
    }

    private static let simpleEscapes = Array("\"\\/bfnrt".utf8)

    /// What `uXXXX` stands for; passes over it.
    private mutating func codeUnit() throws(JSONSyntaxError) -> UInt16 {
        let digits = self.text[(self.position + 1)...].prefix(4)
        guard digits.count == 4, let value = UInt16(hexadecimal: digits) else {
            throw self.error("four hexadecimal digits")
        }
        self.position += 5
        return value
    }
}

/// Where a text is not JSON.
struct JSONSyntaxError: Error, Equatable, CustomStringConvertible {
    /// The first byte that does not fit.
    var position: Int
    /// What could stand there.
    var expected: String

    var description: String { "not JSON: expected \(self.expected), at byte \(self.position)" }
}

extension UInt16 {
    /// The value of four hexadecimal digits, and nothing else.
    init?(hexadecimal digits: some Sequence<UInt8>) {
        var value: UInt16 = 0
        for digit in digits {
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt16(digit - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt16(digit - UInt8(ascii: "a") + 10)
            case UInt8(ascii: "A")...UInt8(ascii: "F"): value = value << 4 | UInt16(digit - UInt8(ascii: "A") + 10)
            default: return nil
            }
        }
        self = value
    }
}
