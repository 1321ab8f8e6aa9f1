/// Pauses an event handler while most of its calls fail, so that its messages wait in their queue and do not use up their attempts, but
/// for the one that is tried after each pause.
///
/// ```swift
/// EventHandler("charge", of: "orders", "placed", onFailure: .default.pausing(), timeout: .seconds(20), charge)
/// ```
///
/// When what a handler needs is away, such as its database, every message fails, is tried again, and is a dead letter within seconds.
/// With a kill switch the handler of that process takes no more messages for a while, then tries one: if that succeeds it goes on,
/// otherwise it pauses twice as long. Meanwhile the messages stay in the queue, for other processes too, and those that the process
/// holds already stay unacknowledged. The handler needs a `timeout:`, since the call that is tried has to end. One that would not pause
/// though all of its calls take that long, since too few of them end within ``window``, is refused when the service starts.
///
/// Paused or not, such a handler has no more in hand than it can try one by one in twenty minutes, before RabbitMQ wants them back
/// (`consumer_timeout`), and so runs no more calls at once: 24 with the default pauses and a timeout of 20 seconds, 3 with one of five
/// minutes (which needs a longer ``window``, too).
///
/// Errors and timeouts count, whether they are tried again or not. What is permanent, such as ``Reject``, does not: it says something
/// of the message, and nothing of the rest. Nor does what its idempotency guard finds done.
public struct KillSwitch: Sendable, Hashable {
    /// The share of calls above which it pauses: from 0, which is any, to below 1.
    public var threshold: Double
    /// How many calls must have ended within ``window`` before it judges.
    public var calls: Int
    /// How far it looks back.
    public var window: Duration
    /// How long the first pause is; each that follows a failed try is twice as long.
    public var pause: Duration
    /// How long a pause is at most.
    public var longestPause: Duration

    /// A kill switch; by default it pauses when more than half of at least 10 calls within 30 seconds have failed, for 1, 2, 4 … 30
    /// seconds.
    public init(
        above threshold: Double = 0.5,
        of calls: Int = 10,
        within window: Duration = .seconds(30),
        pause: Duration = .seconds(1),
        upTo longestPause: Duration = .seconds(30)
    ) {
        self.threshold = threshold
        self.calls = calls
        self.window = window
        self.pause = pause
        self.longestPause = longestPause
    }

    /// How many deliveries may be in hand, so that the last of them is tried long before RabbitMQ wants it back (`consumer_timeout`,
    /// 30 minutes).
    ///
    /// - Parameter timeout: How long each try may take.
    func mostInHand(timeout: Duration) -> Int {
        max(1, Self.whole(Duration.seconds(1200) / (self.longestPause + timeout)))
    }

    /// Why it would not pause though every call hangs until its timeout, and what to give instead; `nil` where it would.
    ///
    /// So many as run at once end within each timeout, together or one by one, so that a part of the window may be without any.
    ///
    /// - Parameters:
    ///   - timeout: How long a call may take.
    ///   - concurrency: How many calls run at once where it does not have fewer in hand.
    func defect(timeout: Duration, concurrency: Int) -> String? {
        let atOnce = min(concurrency, self.mostInHand(timeout: timeout))
        let ends = Self.whole(Double(atOnce) * (self.window / timeout))
        guard ends < self.calls else { return nil }
        let needed = Self.whole((timeout / .seconds(1) * Double(self.calls) / Double(atOnce)).rounded(.up))
        let remedies = [
            needed <= Self.longestWindow ? "a window of at least \(needed) seconds (`within:`)" : nil,
            ends > 0 ? "at most \(ends) calls to judge by (`of:`)" : nil, "a shorter `timeout:`",
        ]
        return
            "a kill switch that would not pause if all calls hung: no more than \(atOnce) run at once and each may take "
            + "\(timeout), so that within \(self.window) there may be no more than \(ends) that end, of \(self.calls) to judge by. "
            + "Give it \(remedies.compactMap { $0 }.joined(separator: ", or "))"
    }

    /// The whole number in what may be too large for one.
    private static func whole(_ number: Double) -> Int { Int(min(number, 1_000_000_000)) }

    /// In seconds.
    private static let longestWindow = 3600

    /// What cannot work, and what to give instead; `nil` where all can.
    var defect: String? {
        if !(self.threshold >= 0 && self.threshold < 1) {
            return "a threshold of \(self.threshold): give a share of calls from 0 to below 1"
        }
        if !(1...100_000).contains(self.calls) { return "\(self.calls) calls to judge by: give 1 to 100000" }
        if self.window < .seconds(1) || self.window > .seconds(Self.longestWindow) {
            return "a window of \(self.window): give 1 second to 1 hour"
        }
        if self.pause <= .zero || self.pause > self.longestPause || self.longestPause > .seconds(300) {
            return "pauses of \(self.pause) up to \(self.longestPause): give more than 0, and at most 5 minutes"
        }
        return nil
    }
}
