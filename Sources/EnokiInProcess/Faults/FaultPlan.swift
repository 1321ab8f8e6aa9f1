/// What goes wrong in a broker, and when: at steps that are named, or at steps that a seed picks.
///
/// ```swift
/// try await withServices(Orders(), faults: [.dropConnection(after: .publish(2))]) { cluster in … }
/// try await withServices(Orders(), faults: .random(seed: seed), seed: seed) { cluster in … }
/// ```
public struct FaultPlan: Sendable, Hashable, ExpressibleByArrayLiteral {
    /// The kinds of faults that a seed picks from.
    public struct Kind: OptionSet, Sendable, Hashable {
        /// The bits of the set.
        public let rawValue: Int
        /// A set of kinds by its bits.
        public init(rawValue: Int) { self.rawValue = rawValue }

        /// ``Fault/dropConnection(before:)`` and ``Fault/dropConnection(after:)``.
        public static let drops = Kind(rawValue: 1 << 0)
        /// ``Fault/duplicate(_:)``.
        public static let duplicates = Kind(rawValue: 1 << 1)
        /// ``Fault/cancelConsumer(after:)``.
        public static let cancelledConsumers = Kind(rawValue: 1 << 2)
        /// ``Fault/loseConfirm(of:)``, which costs who published the timeout of the publish.
        public static let lostConfirms = Kind(rawValue: 1 << 3)
        /// ``Fault/delayConfirm(of:by:)``, by up to 100 milliseconds.
        public static let lateConfirms = Kind(rawValue: 1 << 4)
        /// ``Fault/blockPublishers(after:for:)``, for up to 100 milliseconds.
        public static let blockedPublishers = Kind(rawValue: 1 << 5)
        /// ``Fault/restart(after:)``.
        public static let restarts = Kind(rawValue: 1 << 6)

        /// Those after which all goes on by itself, without the time being moved. Whoever publishes may have to try again.
        public static let passing: Kind = [.drops, .duplicates, .cancelledConsumers]
    }

    struct Choice: Sendable, Hashable {
        let seed: UInt64
        let rate: Double
        let kinds: Kind
    }

    var faults: [Fault] = []
    var choice: Choice?

    /// Nothing goes wrong.
    public static let none = FaultPlan()

    /// The named faults and no others.
    public init(_ faults: [Fault] = []) { self.faults = faults }

    /// The named faults and no others.
    public init(arrayLiteral elements: Fault...) { self.init(elements) }

    /// Faults at steps that `seed` picks: the same ones for the same seed, as long as the steps are.
    ///
    /// - Parameters:
    ///   - seed: Any number.
    ///   - rate: How often a step has a fault, from 0 to 1.
    ///   - kinds: The kinds of faults that come; by default those after which all goes on by itself.
    public static func random(seed: UInt64, rate: Double = 0.05, kinds: Kind = .passing) -> FaultPlan {
        var plan = FaultPlan()
        plan.choice = Choice(seed: seed, rate: min(max(rate, 0), 1), kinds: kinds)
        return plan
    }
}
