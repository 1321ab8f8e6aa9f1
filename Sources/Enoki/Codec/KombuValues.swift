#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The Python values that kombu writes into JSON as objects of exactly two keys, `__type__` and `__value__`
/// (kombu 5.3 and later, `kombu.utils.json`).
enum KombuValues {
    fileprivate static let typeKey = "__type__"
    fileprivate static let valueKey = "__value__"

    /// The bytes of `text` with such objects replaced by their plain value, and all else as it stands.
    ///
    /// `decimal` becomes a number, `uuid` its usual text, `datetime`, `date` and `time` their string. Others stay as they
    /// are: what bytes become depends on who reads them.
    static func plain(_ text: JSONText) throws(JSONSyntaxError) -> [UInt8] {
        var copy = Copy(of: text.bytes)
        var open: [OpenValue] = []
        var tokens = text.tokens
        while let token = try tokens.next() {
            let member: Member
            switch token {
            case .beginArray, .beginObject:
                open.append(OpenValue(start: tokens.position - 1, before: copy.state))
                continue
            case .name(let characters):
                open.nameNextMember(characters.hasHalfCharacters ? "" : text.string(characters))
                continue
            case .endArray:
                _ = open.popLast()
                member = .other
            case .endObject:
                guard let object = open.popLast() else { continue }
                if let value = Self.scalar(object, text) {
                    copy.replace(object.start..<tokens.position, with: value, since: object.before)
                }
                member = .object(hex: object.hex)
            case .string(let characters): member = characters.hasHalfCharacters ? .other : .string(characters)
            case .number, .word: member = .other
            }
            open.addMember(member)
        }
        return copy.finished
    }

    /// The plain value of such an object, as JSON; `nil` where it stays as it is.
    private static func scalar(_ object: OpenValue, _ text: JSONText) -> [UInt8]? {
        guard object.memberCount == 2, let type = object.type else { return nil }
        switch (text.string(type), object.value) {
        case ("decimal", .string(let characters)):
            let number = text.string(characters)
            guard Self.isExact(number), let decimal = Decimal(string: number), !decimal.isNaN else { return nil }
            return Array("\(decimal)".utf8)
        case ("uuid", .object(let hex?)):
            return Self.dashed(text.string(hex)).map { Array("\"\($0)\"".utf8) }
        case ("datetime", .string(let characters)), ("date", .string(let characters)),
            ("time", .string(let characters)):
            let range = characters.range
            return Array(text.bytes[range.lowerBound - 1..<range.upperBound + 1])
        default:
            return nil
        }
    }

    /// Whether `Decimal` reads all of a text and rounds nothing. It would read what another text begins with.
    private static func isExact(_ number: String) -> Bool {
        let digits = number.utf8.count { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        let isDecimal = number.utf8.allSatisfy { "+-.eE0123456789".utf8.contains($0) }
        return isDecimal && digits <= 38 && Double(number) != nil
    }

    /// What is known of a member's value.
    fileprivate enum Member {
        case string(JSONTokens.Characters)
        /// An object, and what its member `hex` holds where that is a string.
        case object(hex: JSONTokens.Characters?)
        case other
    }

    /// An array or an object whose end is still to come.
    fileprivate struct OpenValue {
        /// Where it begins.
        let start: Int
        /// How far the copy was then.
        let before: Copy.State
        private var name: String?
        private(set) var memberCount = 0
        private(set) var type: JSONTokens.Characters?
        private(set) var value = Member.other
        private(set) var hex: JSONTokens.Characters?

        init(start: Int, before: Copy.State) {
            self.start = start
            self.before = before
        }

        mutating func nameNext(_ name: String) {
            self.name = name
            self.memberCount += 1
        }

        mutating func add(_ member: Member) {
            switch (self.name, member) {
            case (KombuValues.typeKey, .string(let characters)): self.type = characters
            case (KombuValues.valueKey, _): self.value = member
            case ("hex", .string(let characters)): self.hex = characters
            default: break
            }
        }
    }

    /// A copy of bytes in which ranges are replaced.
    fileprivate struct Copy {
        struct State {
            /// How many bytes of the original are in the copy, replaced or not.
            var read = 0
            /// How long the copy is.
            var written = 0
        }

        private let original: [UInt8]
        private var bytes: [UInt8] = []
        private(set) var state = State()

        init(of original: [UInt8]) {
            self.original = original
            self.bytes.reserveCapacity(original.count)
        }

        /// Replaces a range that reaches up to what has been looked at, and with it what was replaced in it.
        ///
        /// - Parameter state: How far the copy was at the beginning of the range.
        mutating func replace(_ range: Range<Int>, with value: [UInt8], since state: State) {
            self.bytes.removeSubrange(state.written...)
            self.bytes += self.original[state.read..<range.lowerBound]
            self.bytes += value
            self.state = State(read: range.upperBound, written: self.bytes.count)
        }

        /// The copy, with all that was not replaced behind the last range.
        var finished: [UInt8] { self.bytes + self.original[self.state.read...] }
    }

    private static func dashed(_ hex: String) -> String? {
        guard hex.utf8.count == 32, hex.utf8.allSatisfy(Self.hexadecimal.contains) else { return nil }
        var text = ""
        for (index, character) in hex.enumerated() {
            if [8, 12, 16, 20].contains(index) { text.append("-") }
            text.append(character)
        }
        return text
    }

    private static let hexadecimal = Set("0123456789abcdefABCDEF".utf8)

    // MARK: - Numbers

    /// Lets `decoder` read the bare words that Python writes for numbers that JSON does not have.
    static func acceptPythonNumbers(_ decoder: JSONDecoder) {
        decoder.allowsJSON5 = true
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "Infinity",
            negativeInfinity: "-Infinity",
            nan: "NaN"
        )
    }

    // MARK: - Bytes

    /// Writes bytes as kombu's `base64`, which Python reads as `bytes`.
    @Sendable static func encode(_ data: Data, to encoder: any Encoder) throws {
        try [Self.typeKey: "base64", Self.valueKey: data.base64EncodedString()].encode(to: encoder)
    }

    /// Reads bytes from kombu's `bytes` and `base64`, or from plain text in base64.
    @Sendable static func decodeData(from decoder: any Decoder) throws -> Data {
        let data: Data?
        if let text = try? decoder.singleValueContainer().decode(String.self) {
            data = Data(base64Encoded: text)
        } else {
            let members = try decoder.container(keyedBy: AnyCodingKey.self)
            let text = try members.decode(String.self, forKey: AnyCodingKey(Self.valueKey))
            switch try members.decode(String.self, forKey: AnyCodingKey(Self.typeKey)) {
            case "bytes": data = Data(text.utf8)
            case "base64": data = Data(base64Encoded: text)
            default: data = nil
            }
        }
        guard let data else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "expected bytes, or text in base64")
            )
        }
        return data
    }

    // MARK: - Dates

    /// The years 1 to 9999, in seconds since 1970.
    private static let yearsOfPython = -62_135_596_800.0..<253_402_300_799.0

    /// Writes a date as kombu's `datetime`, in UTC to the microsecond.
    ///
    /// - Throws: `EncodingError` for a date before the year 1 or after 9999, which Python does not have.
    @Sendable static func encode(_ date: Date, to encoder: any Encoder) throws {
        guard let text = Self.text(date) else {
            // Not the date itself: Foundation traps where one that is not a number is described.
            throw EncodingError.invalidValue(
                date.timeIntervalSince1970,
                .init(codingPath: encoder.codingPath, debugDescription: "a date must be in the years 1 to 9999")
            )
        }
        try [Self.typeKey: "datetime", Self.valueKey: text].encode(to: encoder)
    }

    /// The text as Python's `isoformat` writes it: `2020-01-02T03:04:05.250000+00:00`. Before 3.11 Python does not read `Z`.
    private static func text(_ date: Date) -> String? {
        let time = date.timeIntervalSince1970
        guard Self.yearsOfPython.contains(time) else { return nil }
        var seconds = time.rounded(.down)
        var microseconds = Int(((time - seconds) * 1_000_000).rounded())
        if microseconds == 1_000_000 {
            seconds += 1
            microseconds = 0
        }
        let whole = Date(timeIntervalSince1970: seconds).formatted(.iso8601).dropLast()
        let digits = String(1_000_000 + microseconds).dropFirst()
        return "\(whole)\(microseconds == 0 ? "" : ".\(digits)")+00:00"
    }

    /// Reads a date from seconds since 1970, or from ISO 8601 text as Python's `isoformat` writes it.
    ///
    /// A text without a time zone, as most Python programs write, is taken as UTC.
    @Sendable static func decodeDate(from decoder: any Decoder) throws -> Date {
        let container = try decoder.singleValueContainer()
        if let seconds = try? container.decode(Double.self) {
            // Foundation traps where a date beyond all calendars is described.
            guard Self.yearsOfPython.contains(seconds) else {
                throw DecodingError.dataCorruptedError(
                    in: container,
                    debugDescription: "a date must be in the years 1 to 9999"
                )
            }
            return Date(timeIntervalSince1970: seconds)
        }
        let text = try container.decode(String.self)
        guard let date = Self.date(text) else {
            throw DecodingError.dataCorruptedError(
                in: container,
                debugDescription: "Expected a date in ISO 8601, such as 2020-01-02T03:04:05Z"
            )
        }
        return date
    }

    private static func date(_ text: String) -> Date? {
        guard text.utf8.count <= 64 else { return nil }
        // Python's str() has a space where isoformat() has a T.
        let parts = text.split(maxSplits: 1) { $0 == "T" || $0 == " " }
        guard let day = parts.first else { return nil }
        let time = parts.count > 1 ? parts[1] : "00:00:00"
        let zone = time.contains { $0 == "Z" || $0 == "+" || $0 == "-" } ? "" : "Z"
        let full = "\(day)T\(time)\(zone)"
        return (try? Date(full, strategy: .iso8601))
            ?? (try? Date(full, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true)))
    }
}

extension [KombuValues.OpenValue] {
    fileprivate mutating func nameNextMember(_ name: String) {
        guard !self.isEmpty else { return }
        self[self.count - 1].nameNext(name)
    }

    fileprivate mutating func addMember(_ member: KombuValues.Member) {
        guard !self.isEmpty else { return }
        self[self.count - 1].add(member)
    }
}
