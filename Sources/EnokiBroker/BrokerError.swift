/// What went wrong between the framework and a broker.
///
/// The message says what was expected, what was found and what to do; it never holds a password.
public struct BrokerError: Error, Sendable, Hashable {
    /// The kinds of failure.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Base: String {
            case invalidAddress, connectionFailed, connectionLost, loginRefused, vhostNotFound, tlsFailed
            case notSent, unroutable, rejected, outcomeUnknown
            case notFound, accessRefused, resourceLocked, preconditionFailed
            case invalidArgument, timedOut, protocolViolation, closed
        }

        private let base: Base

        /// The broker's address cannot be understood.
        public static let invalidAddress = Code(base: .invalidAddress)
        /// No connection could be made.
        public static let connectionFailed = Code(base: .connectionFailed)
        /// The connection went away before the broker answered.
        public static let connectionLost = Code(base: .connectionLost)
        /// The broker refused user or password (AMQP 403 `ACCESS_REFUSED` at login).
        public static let loginRefused = Code(base: .loginRefused)
        /// The virtual host does not exist, or the user may not use it (AMQP 530 `NOT_ALLOWED` at login).
        public static let vhostNotFound = Code(base: .vhostNotFound)
        /// The TLS handshake failed, or the certificate is not trusted or for another host.
        public static let tlsFailed = Code(base: .tlsFailed)
        /// The message was not sent: there was no connection, or the broker takes no messages, until the deadline.
        public static let notSent = Code(base: .notSent)
        /// The message was mandatory and reached no queue (`basic.return`, 312 `NO_ROUTE`).
        public static let unroutable = Code(base: .unroutable)
        /// The broker refused the message (`basic.nack`): at least one of its queues did not take it, such as one that is full.
        /// Others that it was routed to may have it.
        public static let rejected = Code(base: .rejected)
        /// The message was sent and the broker's confirm did not come in time, or the connection was lost before it came and
        /// sending the message again, once, brought no confirm either: it may be in its queues, once or twice, or not.
        public static let outcomeUnknown = Code(base: .outcomeUnknown)
        /// The exchange or queue does not exist (AMQP 404 `NOT_FOUND`).
        public static let notFound = Code(base: .notFound)
        /// The user lacks the permission (AMQP 403 `ACCESS_REFUSED`).
        public static let accessRefused = Code(base: .accessRefused)
        /// Another connection has the queue for itself (AMQP 405 `RESOURCE_LOCKED`).
        public static let resourceLocked = Code(base: .resourceLocked)
        /// It exists with other arguments, or its state forbids it (AMQP 406 `PRECONDITION_FAILED`).
        public static let preconditionFailed = Code(base: .preconditionFailed)
        /// A name, a header or a size that the protocol cannot carry; nothing was sent.
        public static let invalidArgument = Code(base: .invalidArgument)
        /// The broker did not answer in time.
        public static let timedOut = Code(base: .timedOut)
        /// The broker sent what the protocol does not allow, or closed the channel or the connection with an error.
        public static let protocolViolation = Code(base: .protocolViolation)
        /// The broker object was closed.
        public static let closed = Code(base: .closed)

        /// The name of the code.
        public var description: String { self.base.rawValue }
    }

    /// What became of a message whose publishing failed.
    public enum PublishOutcome: Sendable, Hashable {
        /// It reached no queue: publishing it again makes no duplicate.
        case notPublished
        /// It may be in its queues or not: publishing it again may make a duplicate.
        case unknown
    }

    /// The kind of failure.
    public var code: Code
    /// What was expected, what was found, what to do.
    public var message: String
    /// For an exchange or a queue that exists with other arguments: how it differs.
    public package(set) var inequivalentArgument: InequivalentArgument?

    /// An error of kind `code`.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// For an error thrown by ``Broker/publish(_:to:routingKey:options:completion:)``: whether the message can be in a queue.
    public var publishOutcome: PublishOutcome {
        self.code == .outcomeUnknown || self.code == .rejected ? .unknown : .notPublished
    }
}

extension BrokerError: CustomStringConvertible {
    /// Code and message.
    public var description: String { "\(self.code): \(self.message)" }
}
