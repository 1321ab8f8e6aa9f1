/// What a transport did not take of a message, because it breaks a bound: it was read to its end and forgotten.
package enum MessageDefect: Error, Sendable, Hashable {
    /// The body was longer than the transport takes; both in bytes.
    case bodyTooLarge(size: UInt64, limit: Int)
    /// The headers nest too deep, or hold what is not known.
    case unreadableHeaders(String)

    /// What was found, in words.
    package var explanation: String {
        switch self {
        case .bodyTooLarge(let size, let limit): "its body of \(size) bytes is longer than maxBodySize, \(limit)"
        case .unreadableHeaders(let reason): reason
        }
    }
}
