/// Another worker has the message in work, so that this delivery waits. It is no failure and no attempt.
struct ClaimedElsewhere: Error, CustomStringConvertible {
    /// When the other's claim ends, unless it is renewed.
    let remaining: Duration

    /// How long the delivery waits: until the claim may have ended, in one of a few steps, since the broker has a queue for
    /// each.
    var wait: RetryDelay {
        let step = Self.steps.first { $0 >= self.remaining } ?? Self.longestStep
        return RetryDelay(step: step, delay: step)
    }

    private static let longestStep = Duration.seconds(32)
    private static let steps = [1, 2, 4, 8, 16].map { Duration.seconds($0) } + [Self.longestStep]

    var description: String { "the message is in work elsewhere" }
}
