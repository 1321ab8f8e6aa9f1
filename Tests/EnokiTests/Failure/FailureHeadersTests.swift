import EnokiBroker
import Testing

@testable import Enoki

@Suite struct FailureHeadersTests {
    @Test(arguments: [
        (FieldValue.int64(0), 1), (.int64(1), 2), (.int32(3), 4), (.uint8(4), 5),
        // As many as there are, or more.
        (.int64(5), 5), (.int64(6), 5), (.int64(.max), 5), (.uint64(.max), 5),
        // Forged.
        (.int64(-1), 5), (.int64(.min), 5), (.string("x"), 5), (.string("1"), 5), (.double(1), 5), (.void, 5),
        (.bool(true), 5),
        (.array([]), 5), (.bytes([1]), 5), (.timestamp(1), 5),
    ])
    func theAttemptFollowsTheHeaderAndNeverExceedsTheLimit(_ value: FieldValue, _ attempt: Int) {
        #expect(FailureHeaders.attempt(in: [FailureHeaders.attempts: value], limit: 5) == attempt)
        #expect(FailureHeaders.attempt(in: [FailureHeaders.attempts: value], limit: 1) == 1)
    }

    @Test(arguments: [
        (FieldValue.int64(0), 0), (.int32(3), 3), (.uint8(5), 5), (.int64(8), 8), (.int64(9), 8), (.int64(.max), 8),
        (.uint64(.max), 8),
        // Forged.
        (.int64(-1), 8), (.int64(.min), 8), (.string("1"), 8), (.void, 8), (.array([]), 8), (.timestamp(1), 8),
    ])
    func returnsAreCountedByTheHeaderAndNeverExceedTheLimit(_ value: FieldValue, _ count: Int) throws {
        let limit = try #require(DeliveryLimit(5))
        #expect(limit.returns(in: [FailureHeaders.redeliveries: value]) == Returns(count))
        #expect(limit.returns(in: [:]) == Returns())
    }

    @Test(arguments: [
        (FieldValue.int64(0), 0), (.int32(1), 1), (.int64(3), 3), (.int64(4), 3), (.int64(.max), 3), (.int64(-1), 0),
        (.string("3"), 0), (.void, 0),
    ])
    func noForgedHeaderHasMoreThanThreeReturnsSpared(_ value: FieldValue, _ spared: Int) {
        let headers: Headers = [FailureHeaders.redeliveries: 5, FailureHeaders.spared: value]
        #expect(Returns(in: headers) == Returns(5, spared: spared))
    }

    /// What comes in need not be what can go out: a frame that is received may be longer than one that may be sent.
    @Test func noHeaderOfFailuresIsCarriedOnAsItCame() {
        for name in FailureHeaders.names {
            let long = FieldValue.string(String(repeating: "x", count: 128_500))
            var headers: Headers = [name: 1]
            headers.append(name, long)
            for forged in [headers, [name: long], [name: .table([name: long])]] {
                let failed = self.failed(forged)
                let copies = [
                    failed.retryCopy(attempts: 1, timeLeft: nil), failed.returnedCopy(Returns(1), timeLeft: nil),
                    failed.copy(as: failed.deadLetter(.error, attempts: 1, host: "h")),
                ]
                for copy in copies {
                    let names = copy.properties.headers.map(\.name)
                    #expect(Set(names).count == names.count, "\(name)")
                    #expect(copy.properties.headers.allSatisfy { "\($0.value)".utf8.count < 2000 }, "\(name)")
                }
            }
        }
    }

    /// The broker has checked no user: a second header of the name makes none.
    @Test func aHeaderThatComesTwiceNamesNoUser() {
        var headers: Headers = [FailureHeaders.userID: "alice"]
        headers.append(FailureHeaders.userID, "victim")
        let failed = self.failed(headers, userID: nil)
        for copy in [failed.retryCopy(attempts: 1, timeLeft: nil), failed.returnedCopy(Returns(1), timeLeft: nil)] {
            #expect(copy.properties.headers[FailureHeaders.userID] == nil)
        }
    }

    @Test func theCopyOfAMessageThatCameBackCountsNoAttempt() {
        let copy = self.failed(["x-enoki-attempts": 2, "x-enoki-redeliveries": 1, "enoki.timeout": 5000])
            .returnedCopy(Returns(2), timeLeft: .seconds(3))
        #expect(
            copy.properties.headers == [
                "enoki.timeout": .int64(3000), "x-enoki-redeliveries": .int64(2), "x-enoki-attempts": .int64(2),
                "x-enoki-queue": "q", "x-enoki-exchange": "press.events", "x-enoki-routing-key": "published",
                "x-enoki-user-id": "mallory",
            ]
        )
        #expect(copy.properties.messageID == "message")
        #expect(copy.properties.deliveryMode == .persistent)
        #expect(copy.properties.userID == nil && copy.properties.expiration == nil)
    }

    @Test func withoutTheHeaderItIsTheFirst() { #expect(FailureHeaders.attempt(in: [:], limit: 5) == 1) }

    private static let foreign: Headers = [
        "nameko.call_id_stack": .array([.string("a")]), "x-custom": "kept", "CC": .array([.string("elsewhere")]),
        "BCC": .array([.string("elsewhere")]), "x-death": .array([]), "x-first-death-queue": "q",
        "x-first-death-exchange": "", "x-first-death-reason": "expired", "x-last-death-queue": "q", "cc": "kept",
    ]

    private func failed(
        _ headers: Headers = Self.foreign,
        userID: String? = "mallory",
        callID: String? = nil
    ) -> FailedMessage {
        let properties = BasicProperties(
            contentType: "application/json",
            contentEncoding: "utf-8",
            headers: headers,
            deliveryMode: .transient,
            priority: 3,
            correlationID: "correlation",
            replyTo: "reply",
            expiration: .seconds(1),
            messageID: "message",
            timestamp: 17,
            type: "type",
            userID: userID,
            appID: "app",
            clusterID: "cluster"
        )
        return FailedMessage(
            delivery: Delivery(
                message: Message("body", properties: properties),
                exchange: "press.events",
                routingKey: "published",
                redelivered: false,
                token: DeliveryToken { _ in }
            ),
            queue: "q",
            entrance: nil,
            service: "reader",
            entrypoint: "on_published",
            callID: callID,
            messageID: "message",
            reason: .error,
            error: Boom(reason: "because"),
            time: 1000
        )
    }

    @Test func aRetryCopyKeepsTheMessageAndNothingOfItsWay() {
        let copy = self.failed().retryCopy(attempts: 2, timeLeft: nil)
        #expect(copy.body == Array("body".utf8))
        #expect(
            copy.properties
                == BasicProperties(
                    contentType: "application/json",
                    contentEncoding: "utf-8",
                    headers: [
                        "nameko.call_id_stack": .array([.string("a")]), "x-custom": "kept", "cc": "kept",
                        "x-enoki-attempts": .int64(2), "x-enoki-first-failure": .timestamp(1000), "x-enoki-queue": "q",
                        "x-enoki-exchange": "press.events", "x-enoki-routing-key": "published",
                        "x-enoki-user-id": "mallory",
                    ],
                    deliveryMode: .persistent,
                    priority: 3,
                    correlationID: "correlation",
                    replyTo: "reply",
                    messageID: "message",
                    timestamp: 17,
                    type: "type",
                    appID: "app"
                )
        )
    }

    @Test func whatHasOnlyWaitedHasNotFailed() {
        let copy = self.failed().retryCopy(attempts: 0, timeLeft: nil)
        #expect(copy.properties.headers[FailureHeaders.attempts] == .int64(0))
        #expect(copy.properties.headers[FailureHeaders.firstFailure] == nil)
        #expect(FailureHeaders.attempt(in: copy.properties.headers, limit: 5) == 1)
    }

    @Test func nobodyForgesWhoSentAMessageAtFirst() {
        let forged = self.failed([FailureHeaders.userID: "alice"]).retryCopy(attempts: 1, timeLeft: nil)
        #expect(forged.properties.headers[FailureHeaders.userID] == "mallory")
        #expect(forged.properties.userID == nil)
    }

    @Test func theFirstFailureStaysAndCannotLieInTheFuture() {
        func first(_ value: FieldValue) -> FieldValue? {
            let copy = self.failed([FailureHeaders.firstFailure: value]).retryCopy(attempts: 2, timeLeft: nil)
            return copy.properties.headers[FailureHeaders.firstFailure]
        }
        #expect(first(.timestamp(900)) == .timestamp(900))
        #expect(first(.timestamp(.max)) == .timestamp(1000))
        #expect(first(.string("yesterday")) == .timestamp(1000))
    }

    @Test func aCallersTimeRunsOnWhileItsRequestWaits() {
        let headers: Headers = [CallContext.timeoutHeader: .int64(30_000)]
        func time(_ left: Duration?) -> FieldValue? {
            self.failed(headers).retryCopy(attempts: 1, timeLeft: left).properties.headers[CallContext.timeoutHeader]
        }
        #expect(time(.seconds(12)) == .int64(12_000))
        #expect(time(.seconds(-1)) == .int64(0))
        #expect(time(nil) == nil)
    }

    @Test func aDeadLetterSaysAllAndReadsItself() throws {
        let failed = self.failed()
        let letter = failed.deadLetter(.timeout, attempts: 5, host: "here")
        let copy = failed.copy(as: letter)
        #expect(DeadLetter(copy.properties.headers) == letter)
        #expect(
            copy.properties.headers
                == [
                    "nameko.call_id_stack": .array([.string("a")]), "x-custom": "kept", "cc": "kept",
                    "x-enoki-reason": "timeout", "x-enoki-error-type": "Boom",
                    "x-enoki-error": #"Boom(reason: "because")"#, "x-enoki-attempts": .int64(5),
                    "x-enoki-first-failure": .timestamp(1000), "x-enoki-last-failure": .timestamp(1000),
                    "x-enoki-service": "reader", "x-enoki-entrypoint": "on_published", "x-enoki-host": "here",
                    "x-enoki-queue": "q", "x-enoki-exchange": "press.events", "x-enoki-routing-key": "published",
                    "x-enoki-user-id": "mallory",
                ]
        )
        // Published again, it starts anew without the letter's own headers.
        let again = FailedMessage(
            delivery: Delivery(
                message: copy,
                exchange: "",
                routingKey: "q",
                redelivered: false,
                token: DeliveryToken { _ in }
            ),
            queue: "q",
            entrance: nil,
            service: "s",
            entrypoint: "e",
            callID: nil,
            messageID: "message",
            reason: .error,
            error: Boom(reason: ""),
            time: 2000
        ).retryCopy(attempts: 1, timeLeft: nil)
        #expect(DeadLetter(again.properties.headers) == nil)
    }

    @Test func aDeadLetterNamesTheCallOfItsLastAttemptAndNoForgedOne() {
        func letter(_ forged: Headers, callID: String?) -> Headers {
            let failed = self.failed(forged, callID: callID)
            return failed.copy(as: failed.deadLetter(.error, attempts: 1, host: "here")).properties.headers
        }
        let forged: Headers = ["x-enoki-call-id": "forged"]
        #expect(letter(forged, callID: "reader.on_published.1")["x-enoki-call-id"] == "reader.on_published.1")
        #expect(DeadLetter(letter(forged, callID: "reader.on_published.1"))?.callID == "reader.on_published.1")
        // One that came back too often, or cannot be read, has no call.
        #expect(letter(forged, callID: nil)["x-enoki-call-id"] == nil)
        let retried = self.failed(forged, callID: "reader.on_published.1").retryCopy(attempts: 1, timeLeft: nil)
        #expect(retried.properties.headers["x-enoki-call-id"] == nil)
    }

    @Test func whatIsMissingInADeadLetterIsEmpty() throws {
        #expect(DeadLetter([:]) == nil)
        #expect(DeadLetter([FailureHeaders.reason: "boredom"]) == nil)
        let letter = try #require(
            DeadLetter([FailureHeaders.reason: "timeout", FailureHeaders.attempts: .int64(-1), FailureHeaders.error: 1])
        )
        #expect(letter.attempts == 0)
        #expect(letter.error == "")
        #expect(letter.lastFailure == 0)
    }

    @Test(arguments: DeadLetterReason.allCases) func everyReasonIsReadAsItIsWritten(_ reason: DeadLetterReason) {
        let letter = self.failed().deadLetter(reason, attempts: 1, host: "")
        #expect(DeadLetter(letter.headers)?.reason == reason)
    }

    @Test func aCopyThatCameBackHasTheNamesOfTheFirstTime() {
        let headers = self.failed().retryCopy(attempts: 1, timeLeft: nil).properties.headers
        func delivery(_ exchange: String, _ routingKey: String) -> Delivery {
            Delivery(
                message: Message("", properties: BasicProperties(headers: headers)),
                exchange: exchange,
                routingKey: routingKey,
                redelivered: true,
                token: DeliveryToken { _ in }
            ).asPublishedFirst(in: "q")
        }
        #expect(delivery("press.events", "published").message.properties.userID == nil)
        for (exchange, routingKey) in [("enoki.retry", "q"), ("", "q")] {
            #expect(delivery(exchange, routingKey).message.properties.userID == "mallory")
            #expect(delivery(exchange, routingKey).exchange == "press.events")
            #expect(delivery(exchange, routingKey).routingKey == "published")
            #expect(delivery(exchange, routingKey).redelivered)
        }
        // Published to an exchange of events it has the name that the broker has checked, and nothing of an earlier failure.
        #expect(delivery("press.events", "raid").routingKey == "raid")
        #expect(
            delivery("press.events", "raid").message.properties.headers.map(\.name).filter(FailureHeaders.contains)
                == []
        )
        #expect(delivery("press.events", "raid").message.properties.headers["x-custom"] == "kept")
    }

    /// Copies of requests come the way of requests: what says how often they were tried counts there.
    @Test func aRequestKeepsWhatSaysHowOftenItCameBack() {
        let headers = self.failed().returnedCopy(Returns(2), timeLeft: nil).properties.headers
        let delivery = Delivery(
            message: Message("", properties: BasicProperties(headers: headers)),
            exchange: "nameko-rpc",
            routingKey: "press.publish",
            redelivered: true,
            token: DeliveryToken { _ in }
        )
        #expect(delivery.asPublishedFirst(in: "q", entrance: "nameko-rpc").message.properties.headers == headers)
        #expect(Returns(in: delivery.asPublishedFirst(in: "q").message.properties.headers) == Returns())
    }

    /// No broker has written it: a short string has 255 octets at most.
    @Test(arguments: [FailureHeaders.exchange, FailureHeaders.routingKey, FailureHeaders.userID])
    func aNameThatIsTooLongIsNoName(_ header: String) {
        var headers = self.failed().retryCopy(attempts: 1, timeLeft: nil).properties.headers
        headers[header] = .string(String(repeating: "x", count: 256))
        let delivery = Delivery(
            message: Message("", properties: BasicProperties(headers: headers)),
            exchange: "enoki.retry",
            routingKey: "q",
            redelivered: false,
            token: DeliveryToken { _ in }
        ).asPublishedFirst(in: "q")
        for name in [delivery.exchange, delivery.routingKey, delivery.message.properties.userID ?? ""] {
            #expect(name.utf8.count <= 255)
        }
    }

    @Test func aMessageWhoseHeadersCannotBeSentKeepsOurs() {
        let copy = self.failed().retryCopy(attempts: 1, timeLeft: nil).withoutForeignHeaders
        #expect(copy.properties.headers.allSatisfy { $0.name.hasPrefix("x-enoki-") })
        #expect(copy.properties.headers.count == 6)
        #expect(copy.properties.messageID == "message")
    }

    /// A name that only begins like ours, and properties: whatever a stranger has written.
    @Test func whatRemainsOfAMessageThatCannotBeSentIsOursAlone() {
        var copy = self.failed().retryCopy(attempts: 1, timeLeft: nil)
        copy.properties.headers["x-enoki-z"] = "a stranger's"
        let sent = copy.withoutForeignParts
        #expect(sent.properties.headers.count == 6)
        #expect(sent.properties.headers["x-enoki-z"] == nil)
        #expect(sent.properties.messageID == nil)
        #expect(sent.properties.deliveryMode == .persistent)
        #expect(sent.body == copy.body)
    }
}
