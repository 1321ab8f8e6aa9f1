/// An entrypoint whose method can be called without anything that fires, as tests do.
package protocol DirectlyCallable: Entrypoint {
    /// The message that would bring these arguments.
    ///
    /// - Throws: `EncodingError`; ``IncorrectSignature`` for arguments that no message could bring.
    func message(_ arguments: RequestEnvelope, headers: Headers, _ codecs: Codecs) throws -> Message

    /// The method with the arguments that are in `message`.
    ///
    /// - Throws: ``IncorrectSignature``, ``MalformedRequest``, ``UnreadableMessage``.
    func method(for message: Message, _ codecs: Codecs) throws -> @Sendable () async throws -> any Sendable

    /// Whether `error` is part of normal work.
    func expects(_ error: any Error) -> Bool
}

/// An entrypoint whose method has no parameters and needs no message.
protocol WithoutArguments: DirectlyCallable {}

extension WithoutArguments {
    package func message(_ arguments: RequestEnvelope, headers: Headers, _ codecs: Codecs) throws -> Message {
        guard arguments.isEmpty else {
            throw IncorrectSignature("\(self.name)() takes no arguments, and some were given")
        }
        return try codecs.preferred.message(arguments, headers: headers)
    }

    package func expects(_ error: any Error) -> Bool { false }
}
