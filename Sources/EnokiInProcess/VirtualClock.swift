import EnokiBroker
import HeapModule

/// A clock whose time moves only when ``advance(by:)`` is called.
///
/// Sleepers are woken in the order of their instants, one instant after another: while those of one instant run, the time
/// is that instant, and one that sleeps again within the span is woken again.
///
/// What runs on the clock's ``executor`` is waited for exactly: ``advance(by:)`` returns when none of it can go on.
///
/// ```swift
/// let clock = VirtualClock()
/// let broker = InProcessBroker(clock: clock)
/// try await withTaskExecutorPreference(clock.executor) {
///     …                                           // run the broker, and what uses it, in tasks of a group
///     await clock.advance(by: .seconds(30))       // whatever was due in these 30 seconds has happened
/// }
/// ```
///
/// `withServices` of `EnokiTesting` does this for a test and its services.
public final class VirtualClock: Clock {
    /// A point in a virtual clock's time.
    public struct Instant: InstantProtocol {
        /// The time since the clock was made.
        public let offset: Duration

        /// The instant `offset` after the clock was made.
        public init(offset: Duration) { self.offset = offset }

        /// The instant `duration` later.
        public func advanced(by duration: Duration) -> Instant { Instant(offset: self.offset + duration) }

        /// How much later `other` is.
        public func duration(to other: Instant) -> Duration { other.offset - self.offset }

        /// Compares the offsets.
        public static func < (left: Instant, right: Instant) -> Bool { left.offset < right.offset }
    }

    private struct Sleeper: Comparable {
        let due: Instant
        let sequence: UInt64

        // Those who sleep until the same instant wake in the order in which they lay down.
        static func < (left: Self, right: Self) -> Bool { (left.due, left.sequence) < (right.due, right.sequence) }
    }

    private struct State {
        var now = Instant(offset: .zero)
        var sleepers = Heap<Sleeper>()
        var continuations: [UInt64: CheckedContinuation<Void, any Error>] = [:]
        /// Those whose task was cancelled before they slept.
        var cancelled: Set<UInt64> = []
        var lastSequence: UInt64 = 0
        /// Whether a task that does not run on the executor has slept.
        var hasOutsiders = false
        /// Counts what happens: whoever sees it unchanged knows that nobody slept, woke or was cancelled meanwhile.
        var activity: UInt64 = 0
    }

    /// Runs those who live in the clock's time, so that the clock knows when they have done what they can:
    /// `withTaskExecutorPreference(clock.executor) { … }`.
    public let executor: VirtualExecutor

    private let state = Locked(State())

    /// How often ``advance(by:)`` gives way, with nobody using the clock, before it takes outsiders for quiet.
    private static let quietRounds = 64

    /// A clock at zero.
    ///
    /// - Parameter seed: Picks the order in which tasks on the ``executor`` go on, among them those who are due at one
    ///   instant; the same seed picks the same order. By default they take turns.
    public init(seed: UInt64? = nil) { self.executor = VirtualExecutor(seed: seed) }

    /// What picks the order in which tasks go on; `nil` where they take turns. A test that fails should say it.
    public var seed: UInt64? { self.executor.seed }

    /// The present, which stands still.
    public var now: Instant { self.state.withLock { $0.now } }

    /// Zero: a virtual clock knows every instant.
    public var minimumResolution: Duration { .zero }

    /// How many tasks sleep.
    public var sleeperCount: Int { self.state.withLock { $0.continuations.count } }

    /// Sleeps until the clock was advanced to `deadline`; returns at once where it is past.
    ///
    /// - Throws: `CancellationError` as soon as the task is cancelled.
    public func sleep(until deadline: Instant, tolerance: Duration? = nil) async throws {
        let isOutsider = !self.executor.hasCurrentTask
        let sequence = self.state.withLock { state in
            state.lastSequence += 1
            state.hasOutsiders = state.hasOutsiders || isOutsider
            return state.lastSequence
        }
        // A cancellation that comes after the wake-up leaves its mark.
        defer { self.state.withLock { _ = $0.cancelled.remove(sequence) } }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let outcome = self.state.withLock { state -> Result<Void, any Error>? in
                    state.activity += 1
                    if state.cancelled.contains(sequence) { return .failure(CancellationError()) }
                    if deadline <= state.now { return .success(()) }
                    state.sleepers.insert(Sleeper(due: deadline, sequence: sequence))
                    state.continuations[sequence] = continuation
                    return nil
                }
                if let outcome { continuation.resume(with: outcome) }
            }
        } onCancel: {
            let continuation = self.state.withLock { state in
                state.activity += 1
                let continuation = state.continuations.removeValue(forKey: sequence)
                if continuation == nil { state.cancelled.insert(sequence) }
                return continuation
            }
            continuation?.resume(throwing: CancellationError())
        }
    }

    /// Moves the time on by `duration`, waking who is due, and returns when the system is quiet.
    ///
    /// Before the first step and after each instant the clock waits until nothing on its ``executor`` can go on, the caller
    /// aside, however much there is to do. Tasks that can always go on, such as two that hand a message to and fro for ever,
    /// are waited for until the calling task is cancelled: the time then stays where it is.
    ///
    /// Those who are due at one instant wake one after another, in the order in which they lay down, each when the one
    /// before has done what it can. With a seed they wake together, and the seed mixes what they do.
    ///
    /// Tasks outside of the executor, see ``VirtualExecutor``, the clock cannot see. When such tasks sleep on it, or nothing
    /// runs on the executor at all, it also gives way to others until nobody has slept, woken or been cancelled on this clock
    /// for many turns of the scheduler. That is mostly enough for tasks that go from one suspension to the next. It is not
    /// for one that computes for long, waits for the network, or was started a moment ago: wait for what it does, then
    /// advance.
    ///
    /// One task at a time advances a clock. An advance by zero waits for quiet, and no time passes.
    public func advance(by duration: Duration) async {
        await self.settle()
        let end = self.now.advanced(by: duration)
        while !Task.isCancelled {
            let woken = self.wakeNext(until: end)
            guard !woken.isEmpty else { return }
            for sleeper in woken { sleeper.resume() }
            await self.settle()
        }
    }

    /// Moves to the next instant at which somebody is due, or else to `end`.
    ///
    /// - Returns: One sleeper of that instant, or with a seed all of them; none when nobody is left and the time is `end`.
    private func wakeNext(until end: Instant) -> [CheckedContinuation<Void, any Error>] {
        self.state.withLock { state in
            var woken: [CheckedContinuation<Void, any Error>] = []
            while let next = state.sleepers.min, next.due <= (woken.isEmpty ? end : state.now) {
                state.sleepers.removeMin()
                guard let continuation = state.continuations.removeValue(forKey: next.sequence) else { continue }
                state.now = max(state.now, next.due)
                state.activity += 1
                woken.append(continuation)
                if self.seed == nil { break }
            }
            if woken.isEmpty { state.now = max(state.now, end) }
            return woken
        }
    }

    /// Returns when the system is quiet, or when the task is cancelled.
    private func settle() async {
        await self.executor.waitUntilQuiet()
        if self.state.withLock({ $0.hasOutsiders }) || !self.executor.isUsed { await self.giveWay() }
    }

    /// Gives way until the clock has not been used for a while.
    private func giveWay() async {
        var activity = self.state.withLock { $0.activity }
        var quiet = 0
        while quiet < Self.quietRounds {
            await Task.yield()
            await self.executor.waitUntilQuiet()
            let present = self.state.withLock { $0.activity }
            quiet = present == activity ? quiet + 1 : 0
            activity = present
        }
    }
}
