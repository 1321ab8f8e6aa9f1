import EnokiBroker
import Logging

/// What an error says, fit for a header: bounded, of one line, without the credentials of addresses.
package enum FailureText {
    /// The text of `error`.
    package static func text(of error: any Error) -> String {
        Redaction.redacted((error as? DecodingError)?.explanation(at: []) ?? "\(error)")
    }

    /// What the log says of `error`: its type and its text.
    static func metadata(of error: any Error) -> Logger.Metadata {
        [LoggingKeys.errorType: "\(Self.typeName(of: error))", LoggingKeys.error: "\(Self.text(of: error))"]
    }

    /// The name of the error's type; of one with a path on the wire, that path.
    package static func typeName(of error: any Error) -> String {
        let type = Swift.type(of: error as any Error)
        return Redaction.cut((type as? any RemoteException.Type)?.path ?? "\(type)", to: 255)
    }

    /// What `error` says, as it is but for what stands before the `@` of an address, and cut.
    package static func withoutCredentials(of error: any Error, maximumLength: Int) -> String {
        Redaction.withoutCredentials("\(error)", maximumLength: maximumLength)
    }
}
