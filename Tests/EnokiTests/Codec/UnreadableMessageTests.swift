import EnokiBroker
import Testing

@testable import Enoki

/// Whatever is wrong with a message, its reader is told in one type of error, with the reason of a dead letter.
@Suite struct UnreadableMessageTests {
    struct Order: Decodable, Equatable {
        struct Item: Decodable, Equatable { var qty: Int }
        var items: [Item]
        var note: String?
    }

    private func error(of body: String, _ properties: BasicProperties = BasicProperties()) -> UnreadableMessage? {
        do {
            _ = try Codecs.json.read(Order.self, from: Message(body, properties: properties))
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: [
        (
            #"{"items": [{"qty": 1}, {"qty": 2}, {"qty": 3}, {"qty": "4"}]}"#,
            "'items[3].qty': expected Int, found a string"
        ),
        (#"{"items": [{"qty": 1.5}]}"#, "does not fit"),
        (#"{"items": [{"qty": 9223372036854775808}]}"#, "does not fit"),
        (#"{"items": [], "note": "\ud800"}"#, "does not fit"),
        (#"{"items": [{"qty": null}]}"#, "'items[0].qty': expected Int, found null"),
        (#"{"items": [{}]}"#, "missing 1 required argument: 'items[0].qty'"), (#"{"items": 7}"#, "'items': expected"),
        (#"{"items": [], "note": 1}"#, "'note': expected String, found"), ("{}", "'items'"),
        ("[]", "the body: expected"),
        ("7", "the body: expected"), ("null", "the body: expected"), ("", "the text ends too early"),
        ("{", "the text ends too early"), (#"{"items": [], "items": []}"#, "each name once in an object"),
    ])
    func malformedMessagesNameThePath(_ body: String, _ expected: String) {
        let error = error(of: body)
        #expect(error?.reason == .malformed)
        #expect(error?.explanation.contains(expected) == true, "\(error as Any)")
        #expect(error?.description.hasPrefix("malformed: ") == true)
    }

    @Test func whatIsWrittenWithoutFractionIsAnInteger() throws {
        let message = Message(#"{"items": [{"qty": 1.0}, {"qty": -0}, {"qty": 1e2}]}"#)
        #expect(try Codecs.json.read(Order.self, from: message).items.map(\.qty) == [1, 0, 100])
    }

    @Test func whatATypesOwnInitializerThrowsIsMalformed() {
        struct Even: Decodable {
            struct Odd: Error {}
            init(from decoder: any Decoder) throws {
                guard try decoder.singleValueContainer().decode(Int.self).isMultiple(of: 2) else { throw Odd() }
            }
        }
        let error = #expect(throws: UnreadableMessage.self) { try Codecs.json.read(Even.self, from: Message("3")) }
        #expect(error == UnreadableMessage(.malformed, "the body: Odd()"))
    }

    /// Swift's own error of an enum quotes the value.
    @Test(arguments: ["x", "e\u{301}", "\u{301}"]) func aLongValueThatIsRefusedIsQuotedByItsBeginning(_ unit: String) {
        enum Size: String, Decodable { case small, large }
        let value = String(repeating: unit, count: 1_000_000)
        let error = #expect(throws: UnreadableMessage.self) {
            try Codecs.json.read(Size.self, from: Message("\"\(value)\""))
        }
        #expect(error?.explanation.hasPrefix("the body: Cannot initialize Size from invalid String value") == true)
        // Two hundred characters, however many marks each has.
        #expect(error.map { $0.explanation.utf8.count <= 4100 } == true)
    }

    @Test func theAddressInARefusedValueHasNoCredentials() {
        struct Refusing: Decodable {
            init(from decoder: any Decoder) throws {
                let text = String(repeating: "x", count: 180) + " found amqp://u:hunter2@host"
                throw DecodingError.dataCorrupted(.init(codingPath: [], debugDescription: text))
            }
        }
        let error = #expect(throws: UnreadableMessage.self) { try Codecs.json.read(Refusing.self, from: Message("1")) }
        #expect(error?.explanation == "the body: found amqp://***@host")
    }

    @Test func theReasonsAreTheWordsOfTheWire() {
        let reasons: [UnreadableMessage.Reason] = [.malformed, .unsupportedContent, .tooLarge]
        #expect(reasons.map(\.description) == ["malformed", "unsupported-content", "too-large"])
    }

    // MARK: - Limits

    private func error(_ limits: MessageLimits = MessageLimits(), of message: Message) -> UnreadableMessage? {
        do {
            _ = try Codecs.json.limited(by: limits).read(JSONValue.self, from: message)
            return nil
        } catch {
            return error
        }
    }

    @Test func aBodyBeyondTheLimitIsTooLarge() {
        var limits = MessageLimits()
        limits.bodySize = 4
        #expect(self.error(limits, of: Message("1234")) == nil)
        let error = self.error(limits, of: Message("12345"))
        #expect(error == UnreadableMessage(.tooLarge, "the body is 5 bytes long, at most 4 are read"))
    }

    @Test func aBodyNestedBeyondTheLimitIsMalformed() {
        var limits = MessageLimits()
        limits.bodyDepth = 2
        #expect(self.error(limits, of: Message("[[1]]")) == nil)
        #expect(self.error(limits, of: Message("[[[1]]]"))?.reason == .malformed)
        #expect(self.error(of: Message(String(repeating: "[", count: 511)))?.reason == .malformed)
    }

    @Test func headersBeyondTheLimitsAreTooLarge() {
        func message(_ headers: Headers) -> Message { Message("1", properties: BasicProperties(headers: headers)) }
        func headers(_ count: Int) -> Headers { Headers((0..<count).map { ("k\($0)", .int32(1)) }) }
        #expect(self.error(of: message(headers(64))) == nil)
        #expect(self.error(of: message(headers(65)))?.explanation == "there are 65 headers, at most 64 are read")
        let long = FieldValue.string(String(repeating: "x", count: 8 * 1024))
        #expect(self.error(of: message(["large": long]))?.reason == .tooLarge)
        #expect(self.error(of: message(["nested": [["large": long]]]))?.reason == .tooLarge)
        // What a retry adds does not make too large what was not.
        var retried = headers(64)
        for index in 0..<14 { retried.append("x-enoki-\(index)", .string(String(repeating: "x", count: 500))) }
        #expect(self.error(of: message(retried)) == nil)
    }

    @Test(arguments: [
        (MessageDefect.bodyTooLarge(size: 1 << 40, limit: 16), UnreadableMessage.Reason.tooLarge),
        (.unreadableHeaders("its headers nest deeper than 32 levels"), .malformed),
    ])
    func whatTheTransportDidNotTakeIsUnreadable(_ defect: MessageDefect, _ reason: UnreadableMessage.Reason) {
        var message = Message("1")
        message.defect = defect
        #expect(self.error(of: message)?.reason == reason)
    }
}
