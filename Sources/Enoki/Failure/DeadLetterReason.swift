/// Why a message was given up: the header `x-enoki-reason`.
package enum DeadLetterReason: String, Sendable, Hashable, CaseIterable {
    /// The last attempt threw.
    case error
    /// The last attempt took too long.
    case timeout
    /// The handler threw ``Reject``.
    case rejected
    /// The body cannot be read as what the handler takes.
    case malformed
    /// No codec reads the content type or the encoding.
    case unsupportedContent = "unsupported-content"
    /// The body, or what comes with it, is larger than allowed.
    case tooLarge = "too-large"
    /// It came back unsettled too often: the processes that had it have probably died of it.
    case crash
    /// Its handler made a call that too many others waited for: it goes in a circle, most likely.
    case loop

    /// Whether the message could not be read, so that no handler saw it.
    package var isUnreadable: Bool {
        switch self {
        case .malformed, .unsupportedContent, .tooLarge: true
        case .error, .timeout, .rejected, .crash, .loop: false
        }
    }

    /// The reason for a message that could not be read because of `error`.
    init(unreadable error: any Error) {
        self = Self(rawValue: UnreadableMessage(error).reason.description) ?? .malformed
    }
}
