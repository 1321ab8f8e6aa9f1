import EnokiBroker
import HeapModule

/// A clock whose time moves only when ``advance(by:)`` is called.
///
/// Sleepers are woken in the order of their instants, one instant after another: while those of one instant run, the time
/// is that instant, and one that sleeps again within the span is woken again.
///
/// ```swift
/// let clock = VirtualClock()
/// let broker = InProcessBroker(clock: clock)
/// …
/// await clock.advance(by: .seconds(30))       // whatever was due in these 30 seconds has happened
/// ```
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
        /// Counts what happens: whoever sees it unchanged knows that nobody slept, woke or was cancelled meanwhile.
        var activity: UInt64 = 0
    }

    private let state = Locked(State())

    /// How often ``advance(by:)`` gives way, with nobody using the clock, before it takes the system for quiet.
    private static let quietRounds = 64

    /// A clock at zero.
    public init() {}

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
        let sequence = self.state.withLock { state in
            state.lastSequence += 1
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
    /// Before the first step and after each instant the clock gives way until the system is quiet: until nobody has slept,
    /// woken or been cancelled on this clock for a while, a while being many turns of the scheduler. That is enough for
    /// tasks that go from one suspension to the next, as those of the in-process broker and its services do. A task that
    /// computes for long between two uses of the clock, or that waits for something outside the process, is not waited for:
    /// wait for what it does, then advance.
    ///
    /// One task at a time advances a clock.
    public func advance(by duration: Duration) async {
        await self.settle()
        let end = self.now.advanced(by: duration)
        while let due = self.wakeNext(until: end) {
            due.resume()
            await self.settle()
        }
    }

    /// Moves to the next instant at which somebody is due, or else to `end`.
    ///
    /// - Returns: One sleeper of that instant; `nil` when there is none left and the time is `end`.
    private func wakeNext(until end: Instant) -> CheckedContinuation<Void, any Error>? {
        self.state.withLock { state in
            while let next = state.sleepers.min, next.due <= end {
                state.sleepers.removeMin()
                guard let continuation = state.continuations.removeValue(forKey: next.sequence) else { continue }
                state.now = max(state.now, next.due)
                state.activity += 1
                return continuation
            }
            state.now = max(state.now, end)
            return nil
        }
    }

    /// Gives way until the clock has not been used for a while.
    private func settle() async {
        var activity = self.state.withLock { $0.activity }
        var quiet = 0
        while quiet < Self.quietRounds {
            await Task.yield()
            let present = self.state.withLock { $0.activity }
            quiet = present == activity ? quiet + 1 : 0
            activity = present
        }
    }
}
