import ChaosLedger

/// Something that the driver did, from when to when it could have had consequences.
struct Fault: Sendable, Hashable {
    let what: String
    let start: Instant
    var end: Instant

    /// Whether it was at work at some time between the two.
    func touches(_ from: Instant, _ to: Instant) -> Bool { self.start <= to && from <= self.end }
}
