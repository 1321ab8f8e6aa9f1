import ChaosLedger
import EnokiBroker

/// What a dead letter says of a message that could not be read.
struct Refusal: Hashable, Sendable {
    /// The message id.
    let id: String
    let reason: String
    let attempts: Int?

    init(id: String, reason: String, attempts: Int?) {
        self.id = id
        self.reason = reason
        self.attempts = attempts
    }

    init(_ letter: Message) {
        let headers = letter.properties.headers
        self.init(
            id: letter.properties.messageID ?? "none",
            reason: headers["x-enoki-reason"]?.stringValue ?? "none",
            attempts: headers["x-enoki-attempts"]?.integerValue.flatMap(Int.init(exactly:))
        )
    }
}

extension Verdict {
    /// Judges messages that cannot be read: a dead letter each, for its reason, after one attempt.
    ///
    /// - Parameters:
    ///   - expected: The reason for each message id.
    ///   - anonymous: How many there are besides whose dead letters do not have their id.
    mutating func judgeRefusals(_ refusals: [Refusal], expected: [String: String], anonymous: Int = 0) {
        let byID = Dictionary(grouping: refusals, by: \.id)
        self.note("messages that cannot be read", expected.count + anonymous)
        if expected.isEmpty { self.violation("nothing unreadable was sent: the run proves nothing") }
        self.expectNone("without a dead letter", expected.keys.filter { byID[$0] == nil }.sorted())
        self.expectNone("with several dead letters", byID.filter { $0.value.count > 1 }.keys.sorted())
        let strangers = byID.keys.filter { expected[$0] == nil }
        if strangers.count != anonymous {
            self.violation("\(strangers.count) dead letters without an id that is known, and \(anonymous) were planned")
        }
        self.expectNone(
            "dead letters with another reason",
            refusals.filter { expected[$0.id] ?? $0.reason != $0.reason }
                .map { "\($0.id) (\($0.reason), not \(expected[$0.id] ?? ""))" }.sorted()
        )
        self.expectNone(
            "with other attempts than one",
            refusals.filter { $0.attempts != 1 }.map { "\($0.id) (\($0.attempts.map(String.init) ?? "none"))" }.sorted()
        )
    }

    /// Judges events that fail for good, wherever their dead letters were: what was confirmed is there, and nothing else.
    mutating func judgeConservation(_ ledgers: [Ledger], producer: Int, dead: [MessageID]) {
        let entries = ledgers.flatMap(\.entries).filter { $0.message.producer == producer }
        let confirmed = Set(entries.filter { $0.act == .confirmed }.map(\.message))
        self.note("confirmed", confirmed.count)
        if confirmed.isEmpty { self.violation("nothing was published: the run proves nothing") }
        self.expectNone("lost", confirmed.subtracting(dead).sorted())
        self.expectNone("dead letters that nobody sent", Set(dead).subtracting(entries.map(\.message)).sorted())
    }

    /// Judges events that fail each time while their broker is killed: who had the last attempt is a dead letter, and nobody has
    /// one attempt too many. What is lost between two attempts was lost by the broker, and is only noted.
    mutating func judgeReturns(
        _ ledgers: [Ledger],
        producer: Int,
        attempts: Int,
        dead: [MessageID],
        duplicatesAtMost bound: Int
    ) {
        let entries = ledgers.flatMap(\.entries).filter { $0.message.producer == producer }
        let confirmed = Set(entries.filter { $0.act == .confirmed }.map(\.message))
        var begun: [MessageID: Set<String>] = [:]
        for entry in entries where entry.act == .started { begun[entry.message, default: []].insert(entry.detail) }
        let lost = confirmed.subtracting(dead)
        let inHand = lost.filter { begun[$0]?.contains("\(attempts)") == true || begun[$0] == nil }
        self.note("confirmed", confirmed.count)
        if confirmed.isEmpty { self.violation("nothing was published: the run proves nothing") }
        self.note("lost by the broker on their way back from a wait", lost.count - inHand.count)
        self.expectNone("lost", inHand.sorted())
        self.expectNone("dead letters that nobody sent", Set(dead).subtracting(entries.map(\.message)).sorted())
        let expected = Set((1...attempts).map(String.init))
        self.expectNone("with an attempt too many", begun.filter { !$0.value.isSubset(of: expected) }.keys.sorted())
        self.expect("dead letters of events that had one", dead.count - Set(dead).count, atMost: bound)
    }
}
