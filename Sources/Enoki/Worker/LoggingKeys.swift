/// The metadata keys of all that this module logs.
enum LoggingKeys {
    static let service = "service"
    static let entrypoint = "entrypoint"
    static let callID = "call_id"
    static let error = "error"
    static let queue = "queue"
}
