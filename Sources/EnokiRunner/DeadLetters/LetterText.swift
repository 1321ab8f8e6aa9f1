import Enoki
import EnokiBroker

/// All of one dead letter, for people to read: without what would be a password, and fit for a terminal.
struct LetterText {
    let queue: DeadLetterQueueName
    let letter: ListedLetter
    let message: Message
    /// Seconds since 1970.
    let now: UInt64

    /// The longest part of a body that is shown, in bytes.
    static let maximumBody = 64 * 1024

    var text: String {
        var parts = [self.section(nil, self.summary)]
        let headers = self.message.properties.headers.filter { !Self.isToldAbove($0.name) }
        if !headers.isEmpty {
            parts.append(
                self.section(
                    "headers",
                    headers.map { (FailureText.redacted($0.name), FailureText.redacted("\($0.value)")) }
                )
            )
        }
        let properties = self.message.properties.named
        if !properties.isEmpty { parts.append(self.section("properties", properties)) }
        parts.append("body: \(self.message.body.count) bytes\(self.body)")
        return parts.joined(separator: "\n\n")
    }

    private var summary: [(String, String)] {
        var lines = [("queue", self.queue.shown), ("number", "\(self.letter.number)"), ("id", self.letter.id)]
        if let letter = self.letter.letter {
            lines += [
                ("reason", letter.reason.rawValue), ("error", self.letter.error ?? "-"),
                ("attempts", "\(letter.attempts)"), ("first failure", self.time(letter.firstFailure)),
                ("given up", self.time(letter.lastFailure)), ("entrypoint", self.letter.entrypoint ?? "-"),
                ("call id", letter.callID.isEmpty ? "-" : FailureText.redacted(letter.callID)),
                ("host", FailureText.redacted(letter.host)), ("came from", FailureText.redacted(letter.queue)),
                ("published to", FailureText.redacted(letter.exchange)),
                ("routing key", FailureText.redacted(letter.routingKey)),
            ]
        } else {
            lines.append(("reason", "unknown: it has no headers of a dead letter"))
        }
        return lines
    }

    private var body: String {
        guard !self.message.body.isEmpty else { return "" }
        guard let text = BodyText(self.message.body, maximumSize: Self.maximumBody) else { return ", not text" }
        return (text.isCut ? ", cut after \(Self.maximumBody)" : "") + "\n" + text.redacted
    }

    private func time(_ seconds: UInt64) -> String {
        guard seconds > 0, let known = Int(exactly: seconds), seconds < 1 << 40 else { return "-" }
        let age = self.now > seconds ? " (\(Duration.seconds(Int64(self.now - seconds)).words) ago)" : ""
        return "\(Timestamp(seconds: known, nanoseconds: 0))\(age)"
    }

    private func section(_ title: String?, _ lines: [(String, String)]) -> String {
        let width = lines.map(\.0.count).max() ?? 0
        let indent = title == nil ? "" : "  "
        let rows = lines.map { name, value in
            indent + name + String(repeating: " ", count: width - name.count) + "  " + value
        }
        return ((title.map { [$0] } ?? []) + rows).joined(separator: "\n")
    }

    /// Whether the summary says it in other words.
    private static func isToldAbove(_ name: String) -> Bool { name.utf8.starts(with: "x-enoki-".utf8) }
}

extension BasicProperties {
    /// Those that are there, but for the headers, with the names that AMQP gives them.
    var named: [(String, String)] {
        let texts: [(String, String?)] = [
            ("content-type", self.contentType), ("content-encoding", self.contentEncoding),
            ("delivery-mode", self.deliveryModeOctet.map { "\($0)" }), ("priority", self.priority.map { "\($0)" }),
            ("correlation-id", self.correlationID), ("reply-to", self.replyTo), ("expiration", self.expirationText),
            ("message-id", self.messageID), ("timestamp", self.timestamp.map { "\($0)" }), ("type", self.type),
            ("user-id", self.userID), ("app-id", self.appID), ("cluster-id", self.clusterID),
        ]
        return texts.compactMap { name, value in value.map { (name, FailureText.redacted($0)) } }
    }
}

extension DeadLetterQueueName {
    /// The name, fit for a terminal.
    var shown: String { FailureText.redacted(self.name) }
}
