/// How long a message waits between two attempts.
public struct Backoff: Sendable, Hashable {
    private enum Growth: Hashable {
        case none
        case fixed(Duration)
        case linear(from: Duration, by: Duration, maximum: Duration)
        case exponential(from: Duration, factor: Double, maximum: Duration)
    }

    private let growth: Growth
    /// The most that chance adds to a delay, as a share of it: what failed together does not come back together.
    public let jitter: Double

    /// Not at all: the message goes to the end of its queue at once.
    public static let none = Backoff(growth: .none, jitter: 0)

    /// The same time before each attempt.
    ///
    /// - Parameters:
    ///   - delay: The time.
    ///   - jitter: The most that chance adds to it, from 0 to 0.1 of it.
    public static func fixed(_ delay: Duration, jitter: Double = 0) -> Backoff {
        Backoff(growth: .fixed(delay), jitter: jitter)
    }

    /// A time that grows by the same amount before each attempt.
    ///
    /// - Parameters:
    ///   - first: The time before the second attempt.
    ///   - increment: What is added before each later one; `nil` is `first` again.
    ///   - maximum: The longest time.
    ///   - jitter: The most that chance adds to it, from 0 to 0.1 of it.
    public static func linear(
        from first: Duration,
        by increment: Duration? = nil,
        maximum: Duration = .seconds(300),
        jitter: Double = 0.1
    ) -> Backoff {
        Backoff(growth: .linear(from: first, by: increment ?? first, maximum: maximum), jitter: jitter)
    }

    /// A time that is multiplied before each attempt.
    ///
    /// - Parameters:
    ///   - first: The time before the second attempt.
    ///   - factor: What it is multiplied by before each later one; at least 1.
    ///   - maximum: The longest time.
    ///   - jitter: The most that chance adds to it, from 0 to 0.1 of it.
    public static func exponential(
        from first: Duration = .seconds(1),
        factor: Double = 2,
        maximum: Duration = .seconds(300),
        jitter: Double = 0.1
    ) -> Backoff {
        Backoff(growth: .exponential(from: first, factor: factor, maximum: maximum), jitter: jitter)
    }

    /// The time after the attempt of that number, counted from 1, without jitter; whole milliseconds.
    func step(after attempt: Int) -> Duration {
        let earlier = max(attempt, 1) - 1
        return switch self.growth {
        case .none: .zero
        case .fixed(let delay): Self.rounded(delay)
        case .linear(let first, let increment, let maximum):
            Self.bounded(Self.milliseconds(first) + Self.milliseconds(increment) * Double(earlier), by: maximum)
        case .exponential(let first, let factor, let maximum):
            Self.bounded(Self.milliseconds(first) * Self.power(factor, earlier), by: maximum)
        }
    }

    /// The time after the attempt of that number; `chance` gives a number from 0 to 1.
    func delay(after attempt: Int, chance: () -> Double) -> RetryDelay {
        let step = self.step(after: attempt)
        guard self.jitter > 0, step > .zero else { return RetryDelay(step: step, delay: step) }
        let share = min(max(chance(), 0), 1) * self.jitter
        let added = (Double(step.wholeMilliseconds) * share).rounded(.down)
        return RetryDelay(step: step, delay: step + .milliseconds(Int64(added)))
    }

    /// What is wrong with it, in words; `nil` when nothing is.
    var defect: String? {
        guard self.jitter >= 0, self.jitter <= 0.1 else { return "a jitter of \(self.jitter): give 0 to 0.1" }
        switch self.growth {
        case .none: return nil
        case .fixed(let delay): return Self.defect(of: delay)
        case .linear(let first, let increment, let maximum):
            return Self.defect(of: first) ?? Self.defect(of: maximum)
                ?? (increment < .zero ? "an increment of \(increment): give zero or more" : nil)
        case .exponential(let first, let factor, let maximum):
            return Self.defect(of: first) ?? Self.defect(of: maximum)
                ?? (factor >= 1 && factor.isFinite ? nil : "a factor of \(factor): give 1 or more")
        }
    }

    private static func defect(of delay: Duration) -> String? {
        guard delay >= .milliseconds(1), delay <= RetryDelay.longest else {
            return "a delay of \(delay): give a millisecond to nine years, or Backoff.none"
        }
        return nil
    }

    private static func milliseconds(_ duration: Duration) -> Double { Double(duration.wholeMilliseconds) }

    private static func rounded(_ duration: Duration) -> Duration { .milliseconds(duration.wholeMilliseconds) }

    private static func bounded(_ milliseconds: Double, by maximum: Duration) -> Duration {
        // What a number cannot hold is longer than any maximum.
        guard milliseconds < Self.milliseconds(maximum) else { return Self.rounded(maximum) }
        return .milliseconds(Int64(milliseconds.rounded()))
    }

    private static func power(_ base: Double, _ exponent: Int) -> Double {
        var power = 1.0
        for _ in 0..<exponent {
            power *= base
            // More attempts than anybody makes must not take time.
            guard power > 1, power.isFinite else { break }
        }
        return power
    }
}
