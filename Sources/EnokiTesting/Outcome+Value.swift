import Enoki

extension Outcome {
    /// What `method` returned, as a `Value`: itself, or what a caller would read from its reply.
    ///
    /// - Throws: The error of a call that failed or timed out, `CancellationError` for one that was cancelled, ``ExpectationError`` for a
    ///   result of another type.
    func value<Value>(of method: String, as type: Value.Type, _ codecs: Codecs) throws -> Value {
        switch self {
        case .failed(let error): throw error
        case .timedOut(let error): throw error
        case .cancelled: throw CancellationError()
        case .succeeded(let result):
            if let value = result as? Value { return value }
            if result is NoReply, let nothing = () as? Value { return nothing }
            if let wanted = type as? any Decodable.Type, let value = Self.read(result, as: wanted, codecs) as? Value {
                return value
            }
            throw ExpectationError("\(method) returned a value of type \(Swift.type(of: result)), not of \(type)")
        }
    }

    private static func read<Value: Decodable>(_ result: any Sendable, as type: Value.Type, _ codecs: Codecs) -> Value?
    {
        guard let result = result as? any Encodable, let body = try? codecs.preferred.encode(result) else { return nil }
        return try? codecs.preferred.decode(type, from: body)
    }
}
