/// The metadata keys of all that this module logs.
enum LoggingKeys {
    static let service = "service"
    static let entrypoint = "entrypoint"
    static let callID = "call_id"
    static let callIDs = "call_ids"
    static let messageID = "message_id"
    static let attempt = "attempt"
    static let attempts = "attempts"
    static let reason = "reason"
    static let errorType = "error_type"
    static let error = "error"
    static let queue = "queue"
}
