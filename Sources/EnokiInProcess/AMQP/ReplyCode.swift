/// Why a broker returns a message, or closes a channel or a connection (AMQP 0-9-1 §1.2).
package enum ReplyCode: UInt16, Sendable, Hashable {
    case noRoute = 312
    case connectionForced = 320
    case accessRefused = 403
    case notFound = 404
    case resourceLocked = 405
    case preconditionFailed = 406
    case commandInvalid = 503
    case channelError = 504
    case resourceError = 506
    case notAllowed = 530
    case notImplemented = 540
    case internalError = 541

    /// The name that RabbitMQ begins its texts with.
    package var name: String {
        switch self {
        case .noRoute: "NO_ROUTE"
        case .connectionForced: "CONNECTION_FORCED"
        case .accessRefused: "ACCESS_REFUSED"
        case .notFound: "NOT_FOUND"
        case .resourceLocked: "RESOURCE_LOCKED"
        case .preconditionFailed: "PRECONDITION_FAILED"
        case .commandInvalid: "COMMAND_INVALID"
        case .channelError: "CHANNEL_ERROR"
        case .resourceError: "RESOURCE_ERROR"
        case .notAllowed: "NOT_ALLOWED"
        case .notImplemented: "NOT_IMPLEMENTED"
        case .internalError: "INTERNAL_ERROR"
        }
    }

    /// Whether an error of this kind closes the whole connection (a hard error), not only its channel.
    package var closesConnection: Bool {
        switch self {
        case .noRoute, .accessRefused, .notFound, .resourceLocked, .preconditionFailed: false
        default: true
        }
    }
}
