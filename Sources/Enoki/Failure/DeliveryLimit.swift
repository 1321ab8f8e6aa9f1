/// Decides what becomes of a message that comes back unsettled: it may be the one that its processes die of.
///
/// Swift cannot catch a trap. The process dies, somebody starts it again, and the broker delivers the message again. All
/// that can be known of that is that a delivery is marked as redelivered and that this process did not have it: it comes
/// from a process that died, or from one that stopped and gave it back without having begun. The two look the same, so each
/// counts, when the handler would begin next. A message that was only in hand beside one that kills is not to reach the limit:
///
/// - The first return costs a copy, which goes to the end of the queue at once: most messages that come back were only near
///   one that kills, or had not even begun.
/// - From the second on the copy waits 1, 2, 4 ... seconds before it comes back. That outlasts a rolling restart, and a
///   process that dies of its message is not started all the time.
/// - From the second on its handler runs in ``Quarantine``: alone, until some have ended with the process alive; a message
///   whose next return would be the last, always alone. Who finds no room is put off, uncounted. A message can be given up for being
///   near others only where several kill, of which each gets near it twice before it is held apart too, where a call takes longer
///   than a stay in the quarantine (five minutes), and beside a request whose caller does not wait until there is room.
/// - A message that is put off though it may not come back once more is granted a return to spare, up to three times. A process
///   that dies may keep its connections for some seconds, as one does that writes its backtrace, and what comes to it in that time
///   comes back though no handler has seen it.
/// - Each waits a second in hand before its handler begins. By then the originals of the copies are acknowledged, its own and
///   those of the others that were put off: a process that dies at once leaves one message for each.
///
/// The count is in the headers of the copy (``Returns``), which the broker has confirmed before the handler begins.
struct DeliveryLimit: Sendable, Hashable {
    /// How often a message may come back, at least 1.
    let limit: Int

    /// `nil` for 0, which is no limit.
    init?(_ limit: Int) {
        guard limit > 0 else { return nil }
        self.limit = limit
    }

    /// What is to be done with a message that has come back.
    enum Verdict: Sendable, Hashable {
        /// The handler may begin.
        case work
        /// A copy that says how often it has come back takes its place.
        case comeBack(RetryDelay, Returns)
        /// It has come back too often.
        case giveUp
    }

    /// When a delivery may go on to its handler.
    enum Admission: Sendable, Hashable {
        /// After that time.
        case after(Duration)
        /// Not now: a copy comes later.
        case later(RetryDelay, Returns)
    }

    /// What to do with a message whose handler would begin.
    ///
    /// - Parameters:
    ///   - origin: Where the delivery comes from.
    ///   - returns: How often it has come back before.
    ///   - timeLeft: How long a caller still waits; `nil` where nobody says.
    ///   - chance: Gives numbers from 0 to 1, for jitter.
    func verdict(
        from origin: Redeliveries.Origin,
        after returns: Returns,
        timeLeft: Duration?,
        chance: () -> Double
    ) -> Verdict {
        guard origin == .others else { return .work }
        guard self.mayComeBack(after: returns) else { return .giveUp }
        let wait = Self.wait(before: min(returns.count + 1, self.limit), chance)
        // A caller who does not wait so long is served without a wait, if at all.
        let isInTime = timeLeft.map { wait.delay < $0 } ?? true
        return .comeBack(isInTime ? wait : .none, Returns(returns.count + 1, spared: returns.spared))
    }

    /// What the headers of a message say, and never more than can be.
    func returns(in headers: Headers) -> Returns {
        var returns = Returns(in: headers)
        returns.count = min(returns.count, self.limit + Returns.mostSpared)
        return returns
    }

    private func mayComeBack(after returns: Returns) -> Bool { returns.count < self.limit + returns.spared }

    /// When a delivery may go on. One that is to be counted may at once: its handler does not begin.
    ///
    /// - Parameter enters: Takes room in the quarantine, if there is any.
    func admission(
        from origin: Redeliveries.Origin,
        after returns: Returns,
        timeLeft: Duration?,
        enters: (Quarantine.Stay) -> Bool,
        chance: () -> Double
    ) -> Admission {
        guard Self.isSuspect(from: origin, after: returns) else { return .after(.zero) }
        guard self.stay(after: returns).map(enters) ?? true else {
            let putOff = self.putOff(after: returns, timeLeft: timeLeft, chance: chance)
            return putOff.map { .later($0.wait, $0.returns) } ?? .after(.zero)
        }
        // A caller who waits no longer would be lost for sure.
        let isInTime = timeLeft.map { Self.pause < $0 } ?? true
        return .after(isInTime ? Self.pause : .zero)
    }

    /// Whether a message has come back before, and is not to be counted now: it may kill, or go with another that does.
    static func isSuspect(from origin: Redeliveries.Origin, after returns: Returns) -> Bool {
        origin != .others && returns.count > 0
    }

    /// How much of the quarantine a message takes; `nil` for one that needs none.
    private func stay(after returns: Returns) -> Quarantine.Stay? {
        if returns.count >= self.limit { return .allPlaces }
        return returns.count > 1 ? .onePlace : nil
    }

    /// How long a copy waits that is put off, and what it says: not each waits as long as the others, which would come back all at once
    /// to one place. `nil` for a caller who does not wait at all.
    func putOff(
        after returns: Returns,
        timeLeft: Duration?,
        chance: () -> Double
    ) -> (wait: RetryDelay, returns: Returns)? {
        let steps = Self.putOffs.filter { step in timeLeft.map { step < $0 } ?? true }
        guard let last = steps.indices.last else { return nil }
        let step = steps[min(Int(chance() * Double(steps.count)), last)]
        var returns = returns
        if !self.mayComeBack(after: returns), returns.spared < Returns.mostSpared { returns.spared += 1 }
        return (RetryDelay(step: step, delay: step), returns)
    }

    private static let putOffs = [1, 2, 4].map { Duration.seconds($0) }

    /// All that a message may wait for.
    var steps: [Duration] {
        (1...self.limit).map { Self.wait(before: $0, { 0 }).step } + Self.putOffs
    }

    private static func wait(before count: Int, _ chance: () -> Double) -> RetryDelay {
        count > 1 ? Self.backoff.delay(after: count - 1, chance: chance) : .none
    }

    private static let backoff = Backoff.exponential(from: .seconds(1), maximum: .seconds(300))
    /// In which the originals of copies are acknowledged.
    private static let pause = Duration.seconds(1)
}
