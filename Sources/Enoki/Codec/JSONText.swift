/// A text that has been found to be JSON, with what must be known before anything recursive touches it.
///
/// It is JSON and nothing more: UTF-8 without a byte order mark, with no name twice in an object. Of equal names Foundation
/// takes the first and Python the last, so that what one side checks is not what the other side uses.
struct JSONText {
    /// The text.
    private(set) var bytes: [UInt8]
    /// Whether an object with a member `__type__` occurs: one of kombu's typed values.
    private(set) var holdsTypedValues = false
    /// Whether a bare `NaN`, `Infinity` or `-Infinity` occurs.
    private(set) var holdsPythonNumbers = false

    private let maximumDepth: Int

    /// - Throws: ``JSONSyntaxError`` for what is not such a text.
    init(_ bytes: [UInt8], maximumDepth: Int) throws(JSONSyntaxError) {
        guard bytes.isUTF8 else { throw JSONSyntaxError(position: 0, expected: "UTF-8") }
        guard !bytes.starts(with: [0xEF, 0xBB, 0xBF]) else {
            throw JSONSyntaxError(position: 0, expected: "no byte order mark")
        }
        self.bytes = bytes
        self.maximumDepth = maximumDepth
        var names = OpenNames()
        var tokens = self.tokens
        while let token = try tokens.next() {
            switch token {
            case .beginObject: names.begin()
            case .endObject: names.end()
            case .name(let characters):
                guard !characters.hasHalfCharacters else {
                    throw JSONSyntaxError(position: characters.range.lowerBound, expected: "whole characters in a name")
                }
                let name = self.string(characters)
                guard names.insert(name) else {
                    throw JSONSyntaxError(
                        position: characters.range.lowerBound,
                        expected: "each name once in an object"
                    )
                }
                if name == "__type__" { self.holdsTypedValues = true }
            case .word(let word) where word.isPythons: self.holdsPythonNumbers = true
            case .beginArray, .endArray, .string, .number, .word: break
            }
        }
    }

    /// The text with the values of Python that a program of another language can read in place of kombu's objects.
    var plain: JSONText {
        get throws {
            guard self.holdsTypedValues else { return self }
            var text = self
            text.bytes = try KombuValues.plain(self)
            return text
        }
    }

    /// The tokens, from the first.
    var tokens: JSONTokens { JSONTokens(self.bytes, maximumDepth: self.maximumDepth) }

    /// What the characters of a token stand for.
    func string(_ characters: JSONTokens.Characters) -> String {
        let bytes = self.bytes[characters.range]
        guard characters.hasEscapes else { return String(decoding: bytes, as: UTF8.self) }
        return String(decoding: Self.unescaped(bytes), as: UTF8.self)
    }

    private static func unescaped(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var units: [UInt16] = []
        var rest = bytes
        func flush() {
            if !units.isEmpty { result += Array(String(decoding: units, as: UTF16.self).utf8) }
            units = []
        }
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\"), let kind = rest.popFirst() else {
                flush()
                result.append(byte)
                continue
            }
            if kind == UInt8(ascii: "u") {
                // Two of them may make one character.
                units.append(UInt16(hexadecimal: rest.prefix(4)) ?? 0xFFFD)
                rest = rest.dropFirst(4)
            } else {
                flush()
                result.append(Self.controls[kind] ?? kind)
            }
        }
        flush()
        return result
    }

    private static let controls: [UInt8: UInt8] = [
        UInt8(ascii: "b"): 0x08, UInt8(ascii: "f"): 0x0C, UInt8(ascii: "n"): 0x0A, UInt8(ascii: "r"): 0x0D,
        UInt8(ascii: "t"): 0x09,
    ]
}

/// The names of the objects that are open, as Swift tells them apart: canonically equal ones would be one key of a
/// dictionary.
private struct OpenNames {
    /// Few names are found faster by looking at each.
    private static let few = 16

    private var names: [String] = []
    private var objects: [(start: Int, many: Set<String>)] = []

    mutating func begin() { self.objects.append((self.names.count, [])) }

    mutating func end() {
        guard let object = self.objects.popLast() else { return }
        self.names.removeSubrange(object.start...)
    }

    /// Adds a name of the innermost object; `false` when that has it already.
    mutating func insert(_ name: String) -> Bool {
        guard let last = self.objects.indices.last else { return true }
        let start = self.objects[last].start
        if self.names.count - start < Self.few {
            guard !self.names[start...].contains(name) else { return false }
        } else {
            if self.objects[last].many.isEmpty { self.objects[last].many = Set(self.names[start...]) }
            guard self.objects[last].many.insert(name).inserted else { return false }
        }
        self.names.append(name)
        return true
    }
}

extension [UInt8] {
    fileprivate var isUTF8: Bool { (try? UTF8Span(validating: self.span)) != nil }
}
