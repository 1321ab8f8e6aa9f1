import Enoki
import EnokiBroker

/// A message among dead letters as it is listed: what its headers and properties say, without its body.
///
/// Anybody may publish to such a queue: whatever is missing is unknown, and texts are made fit for a terminal.
struct ListedLetter: Sendable, Hashable {
    /// Its place in the queue when it was looked at, from 1.
    let number: Int
    /// Names it by what it is.
    let digest: MessageDigest
    /// The message id, where it has one.
    let messageID: String?
    /// Why it was given up; `nil` where no Enoki did that.
    let letter: DeadLetter?
    /// The queue from which it was first consumed, where a header says so.
    let originalQueue: String?
    /// How many attempts were made, as far as it is known.
    let attempts: Int?
    /// When it came here or failed, in seconds since 1970, as far as it is known.
    let time: UInt64?
    /// The length of the body in bytes.
    let size: Int
    /// Whether somebody has had it before and given it back.
    let redelivered: Bool

    /// What is known of `delivery`, the `number`th of a look.
    init(_ delivery: Delivery, number: Int) {
        let properties = delivery.message.properties
        let headers = properties.headers
        self.number = number
        self.digest = MessageDigest(delivery.message)
        self.messageID = properties.messageID.flatMap { $0.isEmpty ? nil : $0 }
        self.letter = DeadLetter(headers)
        self.originalQueue = headers[FailureHeaders.queue]?.stringValue
        self.attempts = headers[FailureHeaders.attempts]?.integerValue.map { Int(clamping: max($0, 0)) }
        let times = [FailureHeaders.lastFailure, FailureHeaders.firstFailure].compactMap { name -> UInt64? in
            if case .timestamp(let seconds) = headers[name] { seconds } else { nil }
        }
        self.time = times.first ?? properties.timestamp
        self.size = delivery.message.body.count
        self.redelivered = delivery.redelivered
    }

    /// What a person types to name it: the message id, or the digest where there is none that could be typed.
    var id: String {
        guard let id = self.messageID, id.utf8.count <= 64, id == Redaction.redacted(id),
            !id.contains(where: \.isWhitespace)
        else { return "\(self.digest)" }
        return id
    }

    /// The reason of a message that no Enoki has given up.
    static let unknownReason = "unknown"

    /// The reason as it is shown and selected.
    var reason: String { self.letter?.reason.rawValue ?? Self.unknownReason }

    /// The service and the entrypoint that gave it up, with a dot between them.
    var entrypoint: String? {
        guard let letter = self.letter, !letter.entrypoint.isEmpty else { return nil }
        let name = letter.service.isEmpty ? letter.entrypoint : "\(letter.service).\(letter.entrypoint)"
        return Redaction.redacted(name)
    }

    /// The last error with its type; without it where the reason says as much.
    var error: String? {
        guard let letter = self.letter else { return nil }
        let parts = [letter.reason.isUnreadable ? "" : letter.errorType, letter.error].filter { !$0.isEmpty }
        return parts.isEmpty ? nil : Redaction.redacted(parts.joined(separator: ": "))
    }

    /// For how long it has been a dead letter, at `now` seconds since 1970.
    func age(at now: UInt64) -> Duration? {
        self.time.map { .seconds(Int64(clamping: now > $0 ? now - $0 : 0)) }
    }
}
