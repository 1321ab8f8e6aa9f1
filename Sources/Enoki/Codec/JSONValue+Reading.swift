extension JSONValue {
    /// The value of a JSON text: in time linear in its size, and without recursion.
    ///
    /// As a decoder reads it: a number without fraction that fits is an integer, however it is written.
    ///
    /// - Throws: `DecodingError` for a number that a double cannot hold, or a text that a string cannot.
    init(_ text: JSONText) throws {
        var tokens = text.tokens
        var open: [Container] = []
        while let token = try tokens.next() {
            let value: JSONValue
            switch token {
            case .beginArray, .beginObject:
                open.append(token == .beginArray ? .array([]) : .object([:], name: nil))
                continue
            case .name(let characters):
                open.nameNextMember(text.string(characters))
                continue
            case .endArray, .endObject:
                guard let container = open.popLast() else { continue }
                value = container.value
            case .string(let characters):
                guard !characters.hasHalfCharacters else {
                    throw Self.error("the text holds half a character", at: open)
                }
                value = .string(text.string(characters))
            case .number(let range): value = try Self.number(text.bytes[range], at: open)
            case .word(let word): value = JSONValue(word)
            }
            guard !open.isEmpty else {
                self = value
                return
            }
            open.add(value)
        }
        self = .null
    }

    private init(_ word: JSONTokens.Word) {
        self =
            switch word {
            case .null: .null
            case .true: .bool(true)
            case .false: .bool(false)
            case .notANumber: .double(.nan)
            case .infinity: .double(.infinity)
            case .negativeInfinity: .double(-.infinity)
            }
    }

    private static func number(_ digits: ArraySlice<UInt8>, at open: [Container]) throws -> JSONValue {
        let text = String(decoding: digits, as: UTF8.self)
        if let integer = Int64(text) { return .integer(integer) }
        guard let double = Double(text), double.isFinite else {
            throw Self.error("the number is too large", at: open)
        }
        // Beyond, a double stands for several integers, and which of them was written is not known any more.
        guard double.magnitude <= 0x1p53, let integer = Int64(exactly: double) else { return .double(double) }
        return .integer(integer)
    }

    private static func error(_ problem: String, at open: [Container]) -> DecodingError {
        .dataCorrupted(.init(codingPath: open.map(\.next), debugDescription: problem))
    }

    /// An array or an object whose end is still to come.
    fileprivate enum Container {
        case array([JSONValue])
        case object([String: JSONValue], name: String?)

        var value: JSONValue {
            switch self {
            case .array(let values): .array(values)
            case .object(let members, _): .object(members)
            }
        }

        /// What comes next in it.
        var next: any CodingKey {
            switch self {
            case .array(let values): AnyCodingKey(intValue: values.count)
            case .object(_, let name): AnyCodingKey(name ?? "")
            }
        }
    }
}

extension [JSONValue.Container] {
    fileprivate mutating func nameNextMember(_ name: String) {
        guard case .object(let members, _) = self.popLast() else { return }
        self.append(.object(members, name: name))
    }

    /// Adds a value to the innermost container, which must not be copied for it.
    fileprivate mutating func add(_ value: JSONValue) {
        switch self.popLast() {
        case .array(var values):
            values.append(value)
            self.append(.array(values))
        case .object(var members, let name):
            if let name { members[name] = value }
            self.append(.object(members, name: nil))
        case nil: break
        }
    }
}
