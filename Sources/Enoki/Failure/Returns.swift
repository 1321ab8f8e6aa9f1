/// How often a message has come back unsettled from a process that may have died of it, as the headers of its copy say.
package struct Returns: Sendable, Hashable {
    /// How often it has come back.
    package var count: Int
    /// How many of those are not held against it, 0 to ``mostSpared``.
    package var spared: Int

    /// How many returns a message can have to spare, see ``DeliveryLimit``.
    package static let mostSpared = 3

    /// A count.
    package init(_ count: Int = 0, spared: Int = 0) {
        self.count = count
        self.spared = spared
    }

    /// What `headers` say.
    ///
    /// They may be forged: what is no number of returns counts as more than any limit, so that nobody can have processes die for ever.
    package init(in headers: Headers) {
        let most = Int64(Int32.max)
        let count = headers[FailureHeaders.redeliveries].map { value -> Int64 in
            guard let count = value.integerValue, count >= 0 else { return most }
            return min(count, most)
        }
        let spared = headers[FailureHeaders.spared]?.integerValue ?? 0
        self.init(Int(count ?? 0), spared: Int(min(max(spared, 0), Int64(Self.mostSpared))))
    }

    /// Writes them into the headers of a copy; those of a message that has not come back are absent.
    func write(to headers: inout Headers) {
        headers[FailureHeaders.redeliveries] = self.count > 0 ? .int64(Int64(self.count)) : nil
        headers[FailureHeaders.spared] = self.spared > 0 ? .int64(Int64(self.spared)) : nil
    }
}
