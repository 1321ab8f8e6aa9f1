/// What is known of an RPC method's parameters, and how arguments become a call.
struct MethodSignature: Sendable {
    /// The method with its arguments.
    typealias Call = @Sendable () async throws -> any Encodable & Sendable
    /// Reads the arguments that the method wants.
    typealias Bind = @Sendable (inout ArgumentReader, any Decoder) throws -> Call

    /// The name of the method.
    let method: String
    /// The names of its parameters, in order; empty for a contract that names none.
    let parameters: [String]
    /// What of the arguments no error shows.
    var sensitive = SensitiveArguments.none
    /// Makes the call of what a reader reads.
    let bind: Bind

    /// Reads the arguments in the body of a request.
    ///
    /// - Throws: ``MalformedRequest``, ``IncorrectSignature``, `DecodingError`.
    func call(_ body: [UInt8], _ codec: any Codec) throws -> Call {
        let context = Context(signature: self, codec: codec)
        return try codec.decode(DecodedCall.self, from: body, userInfo: [Self.key: context]).call
    }

    /// What an ``ArgumentReader`` finds in the `userInfo` of its decoder.
    struct Context: Sendable {
        let signature: MethodSignature
        let codec: any Codec
    }

    private static let key: CodingUserInfoKey = {
        guard let key = CodingUserInfoKey(rawValue: "enoki.method_signature") else {
            preconditionFailure("a key of a literal is never nil")
        }
        return key
    }()

    private struct DecodedCall: Decodable {
        let call: Call

        init(from decoder: any Decoder) throws {
            guard let context = decoder.userInfo[MethodSignature.key] as? Context else {
                throw MalformedRequest("the codec did not hand on its userInfo")
            }
            var reader = try ArgumentReader(decoder, context)
            self.call = try context.signature.bind(&reader, decoder)
        }
    }
}
