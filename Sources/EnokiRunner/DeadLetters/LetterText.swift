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
        let summary = self.summary
        var parts = [self.section(nil, summary.map { ($0.name, $0.value) })]
        let told = summary.flatMap(\.headers)
        let headers = self.message.properties.headers.filter { header in
            !told.contains { header.name.hasSameBytes(as: $0) }
        }
        if !headers.isEmpty {
            parts.append(
                self.section(
                    "headers",
                    headers.map { (Redaction.redacted($0.name), Redaction.redacted("\($0.value)")) }
                )
            )
        }
        let properties = self.message.properties.named
        if !properties.isEmpty { parts.append(self.section("properties", properties)) }
        parts.append("body: \(self.message.body.count) bytes\(self.body)")
        return parts.joined(separator: "\n\n")
    }

    /// A line at the beginning, and the headers that it tells in other words.
    private struct Line {
        let name: String
        let value: String
        let headers: [String]

        init(_ name: String, _ value: String, _ headers: String...) {
            self.name = name
            self.value = value
            self.headers = headers
        }
    }

    private var summary: [Line] {
        let lines = [
            Line("queue", self.queue.shown), Line("number", "\(self.letter.number)"), Line("id", self.letter.id),
        ]
        return lines + (self.letter.letter.map(self.lines) ?? self.linesOfStranger)
    }

    private func lines(_ letter: DeadLetter) -> [Line] {
        let error = self.letter.error ?? "-"
        let entrypoint = self.letter.entrypoint
        return [
            Line("reason", letter.reason.rawValue, FailureHeaders.reason),
            letter.reason.isUnreadable
                ? Line("error", error, FailureHeaders.error)
                : Line("error", error, FailureHeaders.errorType, FailureHeaders.error),
            Line("attempts", "\(letter.attempts)", FailureHeaders.attempts),
            Line("first failure", self.time(letter.firstFailure), FailureHeaders.firstFailure),
            Line("given up", self.time(letter.lastFailure), FailureHeaders.lastFailure),
            entrypoint.map { Line("entrypoint", $0, FailureHeaders.service, FailureHeaders.entrypoint) }
                ?? Line("entrypoint", "-", FailureHeaders.entrypoint),
            Line(
                "call id",
                letter.callID.isEmpty ? "-" : Redaction.redacted(letter.callID),
                FailureHeaders.callID
            ),
            Line("host", Redaction.redacted(letter.host), FailureHeaders.host),
            Line("came from", Redaction.redacted(letter.queue), FailureHeaders.queue),
            Line("published to", Redaction.redacted(letter.exchange), FailureHeaders.exchange),
            Line("routing key", Redaction.redacted(letter.routingKey), FailureHeaders.routingKey),
        ]
    }

    /// What no Enoki has given up may come from a wait all the same.
    private var linesOfStranger: [Line] {
        let why =
            self.queue.original == nil
            ? "its queue was gone when it came back from its wait" : "it has no headers of a dead letter"
        let origin = self.letter.originalQueue.map {
            Line("came from", Redaction.redacted($0), FailureHeaders.queue)
        }
        return [Line("reason", "\(ListedLetter.unknownReason): \(why)")] + (origin.map { [$0] } ?? [])
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
        return texts.compactMap { name, value in value.map { (name, Redaction.redacted($0)) } }
    }
}

extension DeadLetterQueueName {
    /// The name, fit for a terminal.
    var shown: String { Redaction.redacted(self.name) }
}
