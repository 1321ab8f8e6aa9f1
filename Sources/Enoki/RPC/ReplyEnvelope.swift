/// The body of a successful reply as a service writes it.
package struct SuccessEnvelope: Encodable {
    package var result: any Encodable

    package init(result: any Encodable) { self.result = result }

    private enum CodingKeys: CodingKey { case result, error }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(self.result, forKey: .result)
        try container.encodeNil(forKey: .error)
    }
}

/// The body of a failed reply as a service writes it: both keys are always there.
package struct FailureEnvelope: Encodable {
    package var error: RemoteErrorBody

    package init(error: RemoteErrorBody) { self.error = error }

    private enum CodingKeys: CodingKey { case result, error }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeNil(forKey: .result)
        try container.encode(self.error, forKey: .error)
    }
}

/// The error object of a reply.
package struct RemoteErrorBody: Codable {
    var type: String
    var path: String
    var arguments: [JSONValue]
    var value: String

    private enum CodingKeys: String, CodingKey {
        case type = "exc_type"
        case path = "exc_path"
        case arguments = "exc_args"
        case value
    }

    /// What a caller is told of `error`. Texts are cut, and without the credentials of addresses: an error may quote half a
    /// message, or say where it could not connect. So are the arguments of an error that another service has raised, and of Enoki's
    /// own; those of a service's own errors are its contract with the caller, and are told as they are.
    package init(_ error: any Error) {
        let text = FailureText.withoutCredentials(of: error, maximumLength: Self.maximumTextSize)
        if let error = error as? any RemoteException {
            let kind = Swift.type(of: error)
            let isContract = !(error is RemoteError) && !Self.builtIn.contains { $0 == kind }
            let arguments = isContract ? error.arguments : error.arguments.map(Self.told)
            self.init(type: kind.typeName, path: kind.path, arguments: arguments, value: text)
        } else if let error = error as? UnknownService {
            self.init(
                type: "UnknownService",
                path: "nameko.exceptions.UnknownService",
                arguments: [.string(error.service)],
                value: text
            )
        } else {
            let kind = Swift.type(of: error as any Error)
            self.init(type: "\(kind)", path: String(reflecting: kind), arguments: [.string(text)], value: text)
        }
    }

    private init(type: String, path: String, arguments: [JSONValue], value: String) {
        self.type = type
        self.path = path
        self.arguments = arguments
        self.value = value
    }

    private static let maximumTextSize = 1000

    private static let builtIn: [any RemoteException.Type] = [
        MalformedRequest.self, MethodNotFound.self, IncorrectSignature.self, HandlerTimeout.self,
        DeliveryLimitExceeded.self, CallChainExceeded.self,
    ]

    /// What a caller is told of an argument.
    private static func told(_ argument: JSONValue) -> JSONValue {
        switch argument {
        case .string(let text):
            .string(Redaction.withoutCredentials(text, maximumLength: Self.maximumTextSize))
        case .array(let values): .array(values.map(Self.told))
        case .object(let members): .object(members.mapValues(Self.told))
        case .null, .bool, .integer, .double: argument
        }
    }

    /// Reads what a peer sent, whatever is missing in it.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.type = (try? container.decode(String.self, forKey: .type)) ?? "Error"
        self.path = (try? container.decode(String.self, forKey: .path)) ?? ""
        self.arguments = (try? container.decode([JSONValue].self, forKey: .arguments)) ?? []
        self.value = (try? container.decode(JSONValue.self, forKey: .value))?.description ?? ""
    }

    /// The error for the caller: one of `known` where the path is its and the arguments fit, otherwise a ``RemoteError``.
    func error(known: [any RemoteException.Type]) -> any Error {
        for type in known + Self.builtIn where type.path.hasSameBytes(as: self.path) {
            if let error = type.init(arguments: self.arguments) { return error }
        }
        return RemoteError(type: self.type, path: self.path, exceptionArguments: self.arguments, value: self.value)
    }
}

/// The body of a reply as a caller reads it.
///
/// An `error` that is null, false or an empty object, or none at all, means success, as with nameko.
enum ReplyEnvelope<Result: Decodable>: Decodable {
    case success(Result)
    case failure(RemoteErrorBody)

    private enum CodingKeys: CodingKey { case result, error }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        if try container.contains(.error) && !container.decodeNil(forKey: .error) {
            let isFalse = (try? container.decode(Bool.self, forKey: .error)) == false
            let isEmpty = (try? container.nestedContainer(keyedBy: AnyCodingKey.self, forKey: .error))?.allKeys.isEmpty
            if !isFalse, isEmpty != true {
                self = .failure(try container.decode(RemoteErrorBody.self, forKey: .error))
                return
            }
        }
        // A result that is missing and one that is null are the same to a type that can be absent.
        self = .success(
            try container.contains(.result)
                ? container.decode(Result.self, forKey: .result)
                : Result(from: container.superDecoder(forKey: .result))
        )
    }
}
