/// A message id as the log shows it: on one line and without credentials, which is seen to when it is logged, and not for each
/// message.
struct LoggedMessageID: CustomStringConvertible, Sendable {
    let id: String

    var description: String { Redaction.redacted(self.id) }
}
