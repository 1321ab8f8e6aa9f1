/// What goes wrong on the wire of an AMQP port, and when: at steps that are named, or at steps that a seed picks.
///
/// ```swift
/// try await broker.listen(faults: [.silence(after: .sends(.connectionTune))]) { port in … }
/// try await broker.listen(faults: .random(seed: seed, rate: 0.02)) { port in … }
/// ```
public struct WireFaultPlan: Sendable, Hashable, ExpressibleByArrayLiteral {
    struct Choice: Sendable, Hashable {
        let seed: UInt64
        let rate: Double
        let kinds: Kind
    }

    let faults: [WireFault]
    let choice: Choice?

    /// Nothing goes wrong.
    public static let none = WireFaultPlan()

    /// Whether nothing can go wrong.
    var isEmpty: Bool { self.faults.isEmpty && self.choice == nil }

    private init(_ faults: [WireFault], _ choice: Choice?) {
        self.faults = faults
        self.choice = choice
    }

    /// The named faults and no others.
    public init(_ faults: [WireFault] = []) { self.init(faults, nil) }

    /// The named faults and no others.
    public init(arrayLiteral elements: WireFault...) { self.init(elements) }

    /// Faults at steps that `seed` picks.
    ///
    /// Whether a step has one hangs on the seed and the step alone (the which-th frame of its kind on the which-th
    /// connection), so that the order in which several connections do theirs changes nothing.
    ///
    /// - Parameters:
    ///   - seed: Any number.
    ///   - rate: How often a step has a fault, from 0 to 1.
    ///   - kinds: The kinds of faults that come; by default those after which a client that connects again can go on.
    public static func random(seed: UInt64, rate: Double = 0.02, kinds: Kind = .passing) -> WireFaultPlan {
        WireFaultPlan([], Choice(seed: seed, rate: min(max(rate, 0), 1), kinds: kinds))
    }
}
