/// A message that no attempt can read: it is never retried, and its reason stands in the header of its dead letter.
public struct UnreadableMessage: Error, Sendable, Hashable, CustomStringConvertible {
    /// Why a message cannot be read.
    public struct Reason: Sendable, Hashable, CustomStringConvertible {
        private enum Base: String {
            case malformed
            case unsupportedContent = "unsupported-content"
            case tooLarge = "too-large"
        }

        private let base: Base

        /// The body is not of its format, or does not hold the value that is wanted.
        public static let malformed = Reason(base: .malformed)
        /// No codec of the process reads its content type, its content encoding or its compression.
        public static let unsupportedContent = Reason(base: .unsupportedContent)
        /// Its body or its headers are beyond the ``MessageLimits``.
        public static let tooLarge = Reason(base: .tooLarge)

        /// The word for it on the wire: `malformed`, `unsupported-content` or `too-large`.
        public var description: String { self.base.rawValue }
    }

    /// Why it cannot be read.
    public let reason: Reason
    /// What was expected and what was found, with the path to it: `'items[3].qty': expected Int, found a string`.
    public let explanation: String

    /// A message that cannot be read because of `reason`.
    public init(_ reason: Reason, _ explanation: String) {
        self.reason = reason
        self.explanation = explanation
    }

    /// Reason and explanation.
    public var description: String { "\(self.reason): \(self.explanation)" }
}

extension UnreadableMessage {
    /// What `error`, thrown while a message was read, says of the message.
    package init(_ error: any Error) { self.init(error, hiding: .none) }

    /// The same, without what a sensitive value could show.
    init(_ error: any Error, hiding sensitive: SensitiveArguments) {
        switch error {
        case let error as UnreadableMessage: self = error
        case let error as DecodingError:
            self.init(.malformed, error.explanation(at: error.path(below: []), hiding: sensitive))
        default:
            // One of the type's own `init(from:)`.
            let text =
                sensitive.covers([]) ? SensitiveArguments.redacted : String("\(error)".prefix(Self.maximumTextSize))
            self.init(.malformed, "the body: \(text)")
        }
    }

    private static let maximumTextSize = 200
}
