import EnokiBroker
import Testing

@testable import Enoki
@testable import EnokiRunner

/// What `show` tells of a dead letter.
@Suite struct LetterTextTests {
    /// Without what aligns the columns.
    private func text(_ message: Message, in queue: String = "work") -> String {
        let text = LetterText(
            queue: DeadLetterQueueName(queue),
            letter: Letters.listed(message),
            message: message,
            now: Letters.now
        ).text
        return text.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }.joined(
            separator: "\n"
        )
    }

    private func letter(_ reason: DeadLetterReason, _ headers: Headers = [:]) -> Message {
        var message = Letters.letter("1", reason: reason)
        for header in headers { message.properties.headers[header.name] = header.value }
        return message
    }

    @Test func allHeadersAreThereThatTheBeginningDoesNotTell() {
        let text = self.text(
            self.letter(.crash, [FailureHeaders.redeliveries: .int64(6), FailureHeaders.userID: .string("ada")])
        )
        #expect(text.contains("x-enoki-redeliveries 6"))
        #expect(text.contains(#"x-enoki-user-id "ada""#))
        // Those it tells stand there once.
        for name in [FailureHeaders.reason, FailureHeaders.errorType, FailureHeaders.host, FailureHeaders.queue] {
            #expect(!text.contains(name), "\(name)")
        }
    }

    @Test func theTypeOfAnErrorIsThereOnce() {
        #expect(self.text(self.letter(.error)).ranges(of: "OutOfStock").count == 1)
        // The reason says as much as the type.
        #expect(self.text(self.letter(.malformed)).contains(#"x-enoki-error-type "OutOfStock""#))
    }

    @Test func aMessageOfAStrangerSaysWhereItCameFromIfItKnows() {
        let headers: Headers = [
            FailureHeaders.queue: .string("orders"), FailureHeaders.exchange: .string("shop.events"),
        ]
        let text = self.text(Message("1", properties: BasicProperties(headers: headers)))
        #expect(text.contains("reason unknown: it has no headers of a dead letter"))
        #expect(text.contains("came from orders"))
        #expect(text.contains(#"x-enoki-exchange "shop.events""#))
    }
}
