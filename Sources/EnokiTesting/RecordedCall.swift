public import Enoki

/// A call that a service of a test has worked on.
public struct RecordedCall: Sendable {
    /// Which process it ran in, counted from 0; two instances of a service have different numbers.
    public let instance: Int
    /// The context that it ran in.
    public let context: WorkerContext
    /// How it ended.
    public let outcome: Outcome

    let codecs: Codecs

    /// The service that it ran in.
    public var service: String { self.context.service }
    /// The entrypoint that was called.
    public var entrypoint: String { self.context.entrypoint }
    /// The error of a call that failed.
    public var error: (any Error)? { self.outcome.error }

    /// What the method returned.
    ///
    /// - Throws: The error of a call that failed, `CancellationError` for one that was cancelled, ``ExpectationError`` for a
    ///   result of another type.
    public func result<Value>(as type: Value.Type = Value.self) throws -> Value {
        try self.outcome.value(of: "\(self.service).\(self.entrypoint)", as: type, self.codecs)
    }

    /// The arguments, whatever their types; an event is the one argument of its handler.
    public var arguments: CallArguments {
        self.context.message.map { CallArguments($0, self.codecs) } ?? CallArguments()
    }

    /// The event that was handled.
    ///
    /// - Throws: `DecodingError`; ``ExpectationError`` for a call that no message brought.
    public func event<Payload: Decodable>(as type: Payload.Type = Payload.self) throws -> Payload {
        let message = try self.message
        return try self.codecs.codec(for: message.properties).decode(Payload.self, from: message.body)
    }

    /// The request that was served, read from the arguments by name.
    ///
    /// - Throws: `DecodingError`; ``ExpectationError`` for a call that no message brought.
    public func request<Request: RPCRequest>(as type: Request.Type = Request.self) throws -> Request {
        try Self.request(in: self.message, self.codecs)
    }

    static func request<Request: RPCRequest>(in message: Message, _ codecs: Codecs) throws -> Request {
        try codecs.codec(for: message.properties).decode(KeywordsOnly<Request>.self, from: message.body).kwargs
    }

    private struct KeywordsOnly<Request: Decodable>: Decodable { let kwargs: Request }

    private var message: Message {
        get throws {
            guard let message = self.context.message else {
                throw ExpectationError(
                    "\(self.service).\(self.entrypoint) was called without a message: it has no arguments"
                )
            }
            return message
        }
    }
}

extension RecordedCall: CustomStringConvertible {
    /// Service, entrypoint, instance, outcome and call id.
    public var description: String {
        let ending =
            switch self.outcome {
            case .succeeded: "succeeded"
            case .failed(let error): "failed with \(describe(error))"
            case .timedOut(let error): "timed out after \(error.timeout)"
            case .cancelled: "was cancelled"
            }
        return "\(self.service).\(self.entrypoint) on instance \(self.instance) \(ending) (\(self.context.callID))"
    }
}
