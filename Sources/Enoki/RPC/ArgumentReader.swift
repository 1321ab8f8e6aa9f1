/// Reads the arguments of a request one parameter after the other, with Python's rules: by position first, then by name.
struct ArgumentReader {
    private let signature: MethodSignature
    private let codec: any Codec
    private var positional: any UnkeyedDecodingContainer
    private let keywords: KeyedDecodingContainer<AnyCodingKey>
    private var next = 0

    /// - Throws: ``MalformedRequest`` when the body is no object with `args` and `kwargs`; ``IncorrectSignature`` when these
    ///   are not an array and an object.
    init(_ decoder: any Decoder, _ context: MethodSignature.Context) throws {
        self.signature = context.signature
        self.codec = context.codec
        guard let envelope = try? decoder.container(keyedBy: AnyCodingKey.self) else {
            throw MalformedRequest("Message is not an object with `args` and `kwargs`")
        }
        let args = AnyCodingKey("args")
        let kwargs = AnyCodingKey("kwargs")
        guard envelope.contains(args), envelope.contains(kwargs) else {
            throw MalformedRequest("Message missing `args` or `kwargs`")
        }
        guard let positional = try? envelope.nestedUnkeyedContainer(forKey: args) else {
            throw IncorrectSignature("\(self.signature.method)() `args` must be an array")
        }
        guard let keywords = try? envelope.nestedContainer(keyedBy: AnyCodingKey.self, forKey: kwargs) else {
            throw IncorrectSignature("\(self.signature.method)() `kwargs` must be an object")
        }
        self.positional = positional
        self.keywords = keywords
    }

    /// The argument of the next parameter.
    ///
    /// - Throws: ``IncorrectSignature`` when it is missing, given twice or of another type.
    mutating func read<Value: Decodable>(_ type: Value.Type) throws -> Value {
        // A registration whose names are fewer than its parameters is rejected at start.
        let name = self.next < self.signature.parameters.count ? self.signature.parameters[self.next] : "\(self.next)"
        let key = AnyCodingKey(name)
        self.next += 1
        let byName = self.keywords.contains(key)
        if !self.positional.isAtEnd {
            guard !byName else {
                throw IncorrectSignature("\(self.signature.method)() got multiple values for argument '\(name)'")
            }
            return try self.explaining(name) { try self.positional.decode(Value.self) }
        }
        if byName { return try self.explaining(name) { try self.keywords.decode(Value.self, forKey: key) } }
        if let optional = Value.self as? any ExpressibleByNilLiteral.Type,
            let absent = optional.init(nilLiteral: ()) as? Value
        {
            return absent
        }
        // As in Python: a name that was mistyped is told as what it is.
        try self.refuseSurplusKeywords()
        throw IncorrectSignature("\(self.signature.method)() missing 1 required argument: '\(name)'")
    }

    /// All arguments as one value, for a contract.
    ///
    /// - Throws: ``IncorrectSignature`` when a field is missing or of another type, or when arguments are given by position
    ///   and the contract names no parameters.
    mutating func readAll<Request: RPCRequest>(_ type: Request.Type, from decoder: any Decoder) throws -> Request {
        let kwargs = AnyCodingKey("kwargs")
        let envelope = try decoder.container(keyedBy: AnyCodingKey.self)
        guard !self.positional.isAtEnd else {
            return try self.explaining(nil) { try envelope.decode(Request.self, forKey: kwargs) }
        }
        guard !self.signature.parameters.isEmpty else {
            throw IncorrectSignature(
                "\(self.signature.method)() takes its arguments by name, some were given by position: give them by name, "
                    + "or let the contract list its `parameters`"
            )
        }
        // A contract is decoded from an object, so the arguments by position join those by name in one. Rare: only callers
        // in other languages do this.
        var members = try envelope.decode([String: ExactValue].self, forKey: kwargs)
        while !self.positional.isAtEnd, self.next < self.signature.parameters.count {
            let name = self.signature.parameters[self.next]
            self.next += 1
            let argument = try self.positional.decode(ExactValue.self)
            guard members.updateValue(argument, forKey: name) == nil else {
                throw IncorrectSignature("\(self.signature.method)() got multiple values for argument '\(name)'")
            }
        }
        let joined = try self.codec.encode(members)
        return try self.explaining(nil) { try self.codec.decode(Request.self, from: joined) }
    }

    /// - Throws: ``IncorrectSignature`` for an argument that no parameter took.
    func finish() throws {
        if !self.positional.isAtEnd {
            let given = self.positional.count.map { "\($0)" } ?? "more"
            throw IncorrectSignature(
                "\(self.signature.method)() takes \(self.signature.parameters.count) positional arguments but \(given) were given"
            )
        }
        try self.refuseSurplusKeywords()
    }

    private func refuseSurplusKeywords() throws {
        if let surplus = self.keywords.allKeys.first(where: { key in
            !self.signature.parameters.contains { $0.hasSameBytes(as: key.stringValue) }
        }) {
            let name = Redaction.withoutCredentials(surplus.stringValue, maximumLength: 100)
            throw IncorrectSignature("\(self.signature.method)() got an unexpected keyword argument '\(name)'")
        }
    }

    private func explaining<Value>(_ parameter: String?, _ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let error as DecodingError {
            let path =
                [parameter].compactMap { $0 } + error.path(below: parameter == nil ? ["kwargs"] : ["kwargs", "args"])
            let explanation = error.explanation(at: path, hiding: self.signature.sensitive)
            throw IncorrectSignature("\(self.signature.method)() \(explanation)")
        } catch let error as any RemoteException {
            throw error
        } catch {
            // Foundation's own for a number that does not fit, or one of the type's `init(from:)`.
            let place = parameter.map { "'\($0)'" } ?? "the arguments"
            let isHidden = self.signature.sensitive.covers(parameter.map { [$0] } ?? [])
            let text =
                isHidden ? SensitiveArguments.redacted : FailureText.withoutCredentials(of: error, maximumLength: 200)
            let reason = "found a value that it cannot hold: \(text)"
            throw IncorrectSignature("\(self.signature.method)() \(place): expected \(Value.self), \(reason)")
        }
    }
}
