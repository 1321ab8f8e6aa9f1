public import Logging

/// What a worker knows of the call it works on.
///
/// The context of the running call is ``current``, a task-local: dispatchers and proxies take the call id stack, the
/// context data and the deadline from there and pass them on.
public final class WorkerContext: Sendable {
    /// The context of the call that this task works on; `nil` outside of a worker.
    @TaskLocal public static var current: WorkerContext?

    /// The name of the service.
    public let service: String
    /// The name of the entrypoint.
    public let entrypoint: String
    /// The id of this call: `<service>.<entrypoint>.<uuid4>`.
    public let callID: String
    /// The ids of the calls that led here, oldest first, this one last.
    public let callIDStack: [String]
    /// How many calls of the chain wait, this one included, when it calls another.
    let depth: Int
    /// What travels along with a call and everything that it causes, such as `language`, `user_id` or `auth_token`: on the
    /// wire a header `nameko.<key>`.
    public let contextData: Headers
    /// Until when the caller waits; `nil` when nobody does, or when it did not say, as nameko's callers do not.
    public let deadline: Deadline?
    /// Whether the broker may have delivered the message before.
    public let redelivered: Bool
    /// The number of this attempt, counted from 1: more where a ``FailurePolicy`` has the message tried again. A delivery
    /// that a lost connection or a stop has brought back is the same attempt.
    public let attempt: Int
    /// A logger with `call_id` in its metadata, `message_id` where the message has one, and `attempt` from the second on.
    public let logger: Logger
    /// What brought the call; `nil` where nothing did, as with a timer's.
    package let message: Message?

    init(
        service: String,
        entrypoint: String,
        parents: CallContext,
        deadline: Deadline?,
        redelivered: Bool,
        attempt: Int,
        message: Message?,
        ids: IDSource,
        parentCallsTracked: Int,
        logger: Logger
    ) {
        self.service = service
        self.entrypoint = entrypoint
        self.callID = ids.callID(of: service, entrypoint)
        self.callIDStack = parents.callIDStack.suffix(parentCallsTracked) + [self.callID]
        self.depth = parents.depth + 1
        self.contextData = parents.data
        self.deadline = deadline
        self.redelivered = redelivered
        self.attempt = attempt
        self.message = message
        var logger = logger
        logger[metadataKey: LoggingKeys.callID] = "\(self.callID)"
        if let id = message?.properties.messageID {
            logger[metadataKey: LoggingKeys.messageID] = .stringConvertible(LoggedMessageID(id: id))
        }
        if attempt > 1 { logger[metadataKey: LoggingKeys.attempt] = .stringConvertible(attempt) }
        self.logger = logger
    }

    /// The id of the first call of the chain.
    public var originCallID: String? { self.callIDStack.first }

    /// The id of the call that caused this one; `nil` when nothing did.
    public var immediateParentCallID: String? { self.callIDStack.dropLast().last }

    /// What a message sent by this worker carries.
    var outgoing: CallContext {
        CallContext(callIDStack: self.callIDStack, data: self.contextData, depth: self.depth)
    }
}
