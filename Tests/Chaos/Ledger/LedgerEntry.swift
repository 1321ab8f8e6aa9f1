/// One line of a ledger: what a process did with a message, and when.
package struct LedgerEntry: Sendable, Hashable {
    /// What was done.
    package enum Act: String, Sendable, Hashable, CaseIterable {
        /// A publisher is about to publish it, for the first time or again.
        case sent
        /// Publishing it returned.
        case confirmed
        /// Publishing it threw; the detail is the error's code.
        case failed
        /// A handler began with it; the detail is `again` where the broker may have delivered it before.
        case started
        /// A handler is done with it.
        case done
        /// A handler was cancelled.
        case cancelled
        /// A caller is about to call.
        case called
        /// The call returned; the detail is `right` or `wrong`.
        case answered
        /// The call threw; the detail is the kind of error.
        case refused
        /// The producer has come to the end of its plan.
        case finished
    }

    package let act: Act
    package let message: MessageID
    /// By the monotonic clock, which all processes of a machine share.
    package let time: Instant
    /// A word, or nothing.
    package let detail: String

    package init(_ act: Act, _ message: MessageID, at time: Instant, detail: String = "") {
        self.act = act
        self.message = message
        self.time = time
        self.detail = detail
    }
}

extension LedgerEntry {
    /// The entry as a line, with its line feed.
    package var line: String {
        "\(self.act.rawValue) \(self.message) \(self.time.nanoseconds)\(self.detail.isEmpty ? "" : " ")\(self.detail)\n"
    }

    /// Reads a line without its line feed; `nil` for what is none.
    package init?(line: some Collection<UInt8>) {
        let words = line.split(separator: UInt8(ascii: " "), maxSplits: 3, omittingEmptySubsequences: false)
        guard words.count >= 3, let act = Act(rawValue: String(decoding: words[0], as: UTF8.self)),
            let dot = words[1].firstIndex(of: UInt8(ascii: ".")),
            let producer = Self.number(words[1][..<dot]),
            let sequence = Self.number(words[1][words[1].index(after: dot)...]),
            let time = Self.number(words[2])
        else { return nil }
        self.init(
            act,
            MessageID(producer: producer, sequence: sequence),
            at: Instant(nanoseconds: time),
            detail: words.count > 3 ? String(decoding: words[3], as: UTF8.self) : ""
        )
    }

    // `Int(String)` would make a string for each of millions of numbers.
    private static func number(_ digits: some Collection<UInt8>) -> Int? {
        guard !digits.isEmpty, digits.count <= 18 else { return nil }
        var number = 0
        for digit in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            number = number * 10 + Int(digit - UInt8(ascii: "0"))
        }
        return number
    }
}
