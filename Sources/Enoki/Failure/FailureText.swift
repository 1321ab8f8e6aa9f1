import EnokiBroker
import Logging

/// What an error says, fit for a header: bounded, of one line, without the credentials of addresses.
package enum FailureText {
    /// The longest text, in bytes of UTF-8.
    package static let maximumSize = Redaction.maximumSize

    /// The text of `error`.
    package static func text(of error: any Error) -> String {
        Self.redacted((error as? DecodingError)?.explanation(at: []) ?? "\(error)")
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

    /// `text` on one line, cut, and without what stands before the `@` of an address.
    package static func redacted(_ text: String, maximumSize: Int = Self.maximumSize) -> String {
        Redaction.redacted(text, maximumSize: maximumSize)
    }

    /// What `error` says, as it is but for what stands before the `@` of an address, and cut.
    package static func withoutCredentials(of error: any Error, maximumLength: Int) -> String {
        Self.withoutCredentials("\(error)", maximumLength: maximumLength)
    }

    /// `text` as it is but for what stands before the `@` of an address, and cut.
    static func withoutCredentials(_ text: String, maximumLength: Int) -> String {
        // Longer than what is left in the end, and no longer: a text of a message may be of any size.
        let beginning = Redaction.cut(text, to: 4 * maximumLength)
        let isCut = beginning.utf8.count < text.utf8.count
        return String(Redaction.withoutCredentials(beginning, isCut: isCut).prefix(maximumLength))
    }

    /// `text` as it is but for what stands before the `@` of an address.
    package static func withoutCredentials(_ text: String) -> String { Redaction.withoutCredentials(text) }

    /// Whether there is an address in `text` with something before its `@`.
    package static func hasCredentials(_ text: String) -> Bool { Redaction.withoutCredentials(text) != text }
}
