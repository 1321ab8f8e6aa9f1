import Enoki
import EnokiBroker

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// What the commands print with `--json`: for programs, and so with all that is known, in words that stay.
enum LetterJSON {
    /// A value as JSON.
    static func text(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    struct Queue: Encodable {
        let queue: String
        let exists: Bool
        let messages: Int
        let consumers: Int
        let lookedAt: Int
        let takenByOthers: Int
        let letters: [Letter]
        /// What a reader should know of what is not listed, in words.
        let notes: [String]

        init(_ listing: LetterListing) {
            self.queue = listing.queue.name
            self.exists = listing.exists
            self.messages = listing.count
            self.consumers = listing.consumerCount
            self.lookedAt = listing.lookedAt
            self.takenByOthers = listing.takenByOthers
            self.letters = listing.letters.map(Letter.init)
            self.notes = listing.notes
        }
    }

    struct Letter: Encodable {
        let number: Int
        let id: String
        let digest: String
        let reason: String
        let entrypoint: String?
        let errorType: String?
        let error: String?
        let attempts: Int?
        let firstFailure: UInt64?
        let lastFailure: UInt64?
        let host: String?
        let originalQueue: String?
        let originalExchange: String?
        let originalRoutingKey: String?
        let bytes: Int
        let redelivered: Bool

        init(_ listed: ListedLetter) {
            let letter = listed.letter
            self.number = listed.number
            self.id = listed.id
            self.digest = "\(listed.digest)"
            self.reason = listed.reason
            self.entrypoint = listed.entrypoint
            self.errorType = letter.map { Redaction.redacted($0.errorType) }
            self.error = letter.map { Redaction.redacted($0.error) }
            self.attempts = listed.attempts
            self.firstFailure = letter?.firstFailure
            self.lastFailure = letter?.lastFailure
            self.host = letter.map { Redaction.withoutCredentials($0.host) }
            self.originalQueue = listed.originalQueue.map { Redaction.withoutCredentials($0) }
            self.originalExchange = letter.map { Redaction.withoutCredentials($0.exchange) }
            self.originalRoutingKey = letter.map { Redaction.withoutCredentials($0.routingKey) }
            self.bytes = listed.size
            self.redelivered = listed.redelivered
        }
    }

    struct Message: Encodable {
        let queue: String
        let letter: Letter
        let headers: [String: String]
        let properties: [String: String]
        /// The body where it is text, otherwise absent.
        let body: String?
        /// The body in base 64 where it is no text.
        let bodyBase64: String?

        init(_ queue: DeadLetterQueueName, _ letter: ListedLetter, _ message: EnokiBroker.Message) {
            self.queue = queue.name
            self.letter = Letter(letter)
            self.headers = Dictionary(
                message.properties.headers.map { header in
                    let value = header.value.stringValue ?? "\(header.value)"
                    return (Redaction.withoutCredentials(header.name), Redaction.redacted(value))
                },
                uniquingKeysWith: { first, _ in first }
            )
            self.properties = Dictionary(message.properties.named, uniquingKeysWith: { first, _ in first })
            let text = BodyText(message.body, maximumSize: .max)
            self.body = text?.redacted
            self.bodyBase64 = text == nil ? Data(message.body).base64EncodedString() : nil
        }
    }

    struct Report: Encodable {
        let queue: String
        /// `replay` or `discard`.
        let action: String
        let selected: Int
        let done: [Letter]
        let failure: String?
        let isUncertain: Bool
        let isDryRun: Bool
        /// How many others had the queue when it was looked at.
        let consumers: Int
        let takenByOthers: Int
        let notes: [String]

        init(_ action: String, _ report: LetterReport, isDryRun: Bool) {
            self.queue = report.listing.queue.name
            self.action = action
            self.selected = report.selected
            self.done = report.done.map(Letter.init)
            self.failure = report.failure?.text
            self.isUncertain = report.isUncertain
            self.isDryRun = isDryRun
            self.consumers = report.listing.consumerCount
            self.takenByOthers = report.listing.takenByOthers
            self.notes = report.listing.notes
        }
    }
}
