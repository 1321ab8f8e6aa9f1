import Enoki
import EnokiBroker
import Testing

@testable import EnokiRunner

@Suite struct LetterSelectionTests {
    private let letters = [
        Letters.listed(Letters.letter("1", id: "a", age: 30), number: 1),
        Letters.listed(Letters.letter("2", id: "b", reason: .timeout, age: 600), number: 2),
        Letters.listed(Letters.letter("3", reason: .malformed, entrypoint: "audit", age: 90_000), number: 3),
        Letters.listed(Letters.stranger("4"), number: 4),
    ]

    private func chosen(_ selection: LetterSelection) -> [Int] {
        selection.choose(from: self.letters, letter: { $0 }, at: Letters.now).map(\.number)
    }

    @Test func withoutAConditionAllAreMeant() {
        #expect(chosen(.all) == [1, 2, 3, 4])
        #expect(LetterSelection().isAll)
    }

    @Test func anIDIsAMessageIDOrADigest() {
        #expect(chosen(LetterSelection(ids: ["b", "nothing"])) == [2])
        #expect(chosen(LetterSelection(ids: ["a", self.letters[3].id])) == [1, 4])
        #expect(self.letters[3].id == "\(self.letters[3].digest)")
    }

    @Test func allConditionsMustHold() {
        #expect(chosen(LetterSelection(reason: "unknown")) == [4])
        #expect(chosen(LetterSelection(entrypoint: "notify")) == [1, 2])
        #expect(chosen(LetterSelection(entrypoint: "shipping.audit")) == [3])
        #expect(chosen(LetterSelection(reason: "error", entrypoint: "audit")) == [])
        #expect(chosen(LetterSelection(number: 3)) == [3])
    }

    @Test func whatIsOfUnknownAgeIsNotOld() {
        #expect(chosen(LetterSelection(olderThan: .seconds(60))) == [2, 3])
        #expect(chosen(LetterSelection(olderThan: .zero)) == [1, 2, 3])
    }

    @Test func theOldestAreTakenFirst() { #expect(chosen(LetterSelection(atMost: 2)) == [1, 2]) }

    // MARK: - What is listed

    @Test func anIDThatCannotBeTypedIsNotShown() {
        for id in ["", "two words", "\u{1b}[31mred", String(repeating: "x", count: 65), "amqp://ada:secret@host"] {
            let letter = Letters.listed(Letters.letter("1", id: id))
            #expect(letter.id == "\(letter.digest)")
        }
    }

    @Test func textsOfStrangersAreFitForATerminal() {
        let letter = Letters.listed(
            Letters.letter("1", error: "at amqp://ada:secret@host\n\u{1b}[2J", entrypoint: "a\u{202e}b")
        )
        #expect(letter.error == "OutOfStock: at amqp://***@host  [2J")
        #expect(letter.entrypoint == "shipping.a b")
    }

    @Test(arguments: DeadLetterReason.allCases) func theReasonIsNotSaidTwice(_ reason: DeadLetterReason) {
        let letter = Letters.listed(Letters.letter("1", reason: reason, error: "expected Int"))
        let isSaid = [.malformed, .unsupportedContent, .tooLarge].contains(reason)
        #expect(letter.error == (isSaid ? "expected Int" : "OutOfStock: expected Int"))
    }

    @Test func aDigestNamesAMessageByWhatItIs() {
        let digest = MessageDigest(Letters.letter("1"))
        #expect(digest == MessageDigest(Letters.letter("1")))
        #expect("\(digest)".utf8.count == 12)
        #expect(digest != MessageDigest(Letters.letter("2")))
        #expect(digest != MessageDigest(Letters.letter("1", id: "a")))
        #expect(digest != MessageDigest(Letters.letter("1", age: 61)))
        var delivered = Letters.letter("1")
        delivered.properties.headers["x-delivery-count"] = .int64(3)
        #expect(digest == MessageDigest(delivered))
        delivered.properties.headers["x"] = .bytes([1])
        let other = MessageDigest(delivered)
        delivered.properties.headers["x"] = .bytes([2])
        #expect(other != MessageDigest(delivered))
    }

    // MARK: - Words

    @Test(arguments: [("5/s", 200), ("5", 200), ("30/m", 2_000), ("100/h", 36_000)])
    func aRateIsANumberPerTime(_ text: String, _ milliseconds: Int) {
        #expect(ReplayRate(text)?.interval == .milliseconds(milliseconds))
    }

    @Test(arguments: ["", "0/s", "-1/s", "5/d", "5/", "/s", "many", "99999999999999999999/s"])
    func whatIsNoRateIsRefused(_ text: String) { #expect(ReplayRate(text) == nil) }

    @Test(arguments: [("45s", 45), ("10m", 600), ("2h", 7_200), ("7d", 604_800)])
    func aDurationHasAUnit(_ text: String, _ seconds: Int) {
        #expect(Duration(words: text) == .seconds(seconds))
        #expect(Duration.seconds(seconds).words == text)
    }

    @Test(arguments: ["", "s", "5", "-5s", "1.5h", "9223372036854775807d"])
    func whatIsNoDurationIsRefused(_ text: String) { #expect(Duration(words: text) == nil) }
}
