import CRabbitMQ
import EnokiBroker

/// What is to be sent on one session: anybody puts frames in, the I/O thread takes them out.
///
/// Frames are encoded in place under a short lock, and the I/O thread is woken only when it sleeps, so a busy connection
/// costs a caller neither a system call nor a change of threads.
final class Outbox: Sendable {
    /// A position in the stream of all bytes of the session.
    typealias Offset = UInt64

    private enum Sleep {
        case awake
        /// Until the next frame is put in.
        case asleep
        /// Until the socket takes more; frames alone are no reason to get up, an earlier deadline is.
        case stuck
    }

    private struct State {
        var pending: OutputBuffer
        /// The position of the first byte of `pending`.
        var offset: Offset = 0
        var sleep = Sleep.awake
        var isClosed = false
        /// Not later than any deadline of what waits for an answer.
        var earliestDeadline: ContinuousClock.Instant?
        /// Bytes that the I/O thread has taken and not sent yet.
        var inFlight = 0
        var drainWanted = false
        let arena = EncodingArena()

        /// - Returns: Whether `deadline` is earlier than all others.
        mutating func lower(_ deadline: ContinuousClock.Instant) -> Bool {
            if let earliest = self.earliestDeadline, earliest <= deadline { return false }
            self.earliestDeadline = deadline
            return true
        }
    }

    private let state: Locked<State>
    private let waker: Waker
    private let limit: Int

    init(frameMax: Int, limit: Int, waker: Waker) {
        self.state = Locked(State(pending: OutputBuffer(frameMax: frameMax)))
        self.waker = waker
        self.limit = limit
    }

    /// What became of a try to put something in.
    enum Result {
        /// It will be sent, if the session lives; it takes these positions.
        case accepted(Range<Offset>)
        /// So much waits already that publishers have to wait too.
        case full
        /// The session is over.
        case closed
        /// librabbitmq could not encode it.
        case invalid(status: Int32)
    }

    /// Puts a method in.
    @discardableResult
    func append(_ method: Method, channel: UInt16, deadline: ContinuousClock.Instant? = nil) -> Result {
        self.append(deadline: deadline, isBounded: false) { buffer, arena throws(OutputBuffer.EncodingFailure) in
            try buffer.append(method, channel: channel, arena: arena)
        }
    }

    /// Puts a message in, unless too much waits already.
    func append(_ publication: Publication, channel: UInt16, deadline: ContinuousClock.Instant) -> Result {
        self.append(deadline: deadline, isBounded: true) { buffer, arena throws(OutputBuffer.EncodingFailure) in
            try buffer.append(publication, channel: channel, arena: arena)
        }
    }

    private func append(
        deadline: ContinuousClock.Instant?,
        isBounded: Bool,
        _ encode: (OutputBuffer, EncodingArena) throws(OutputBuffer.EncodingFailure) -> Void
    ) -> Result {
        let (result, wakes) = self.state.withLock { state -> (Result, Bool) in
            if state.isClosed { return (.closed, false) }
            let count = state.pending.count
            if isBounded, count + state.inFlight >= self.limit {
                state.drainWanted = true
                return (.full, false)
            }
            do throws(OutputBuffer.EncodingFailure) {
                try encode(state.pending, state.arena)
            } catch {
                return (.invalid(status: error.status), false)
            }
            var wakes = state.sleep == .asleep
            if let deadline, state.lower(deadline) { wakes = wakes || state.sleep == .stuck }
            if wakes { state.sleep = .awake }
            let start = state.offset + Offset(count)
            let end = state.offset + Offset(state.pending.count)
            return (.accepted(start..<end), wakes)
        }
        if wakes { self.waker.wake() }
        return result
    }

    /// Takes `range` back, if none of it has been taken for sending. What was put in later moves up.
    func withdraw(_ range: Range<Offset>) -> Bool {
        self.state.withLock { state in
            guard range.lowerBound >= state.offset, range.upperBound <= state.offset + Offset(state.pending.count)
            else { return false }
            state.pending.remove(Int(range.lowerBound - state.offset)..<Int(range.upperBound - state.offset))
            return true
        }
    }

    /// Whether nothing of `range` was taken for sending; true for ever once the outbox is closed.
    func neverTook(_ range: Range<Offset>) -> Bool { self.state.withLock { range.lowerBound >= $0.offset } }

    /// Whether all that was put in has been sent.
    var isDrained: Bool { self.state.withLock { $0.pending.isEmpty && $0.inFlight == 0 } }

    /// Makes the I/O thread look at deadlines no later than at `deadline`.
    func watch(_ deadline: ContinuousClock.Instant) {
        let wakes = self.state.withLock { state in
            guard state.lower(deadline) else { return false }
            defer { state.sleep = .awake }
            return state.sleep != .awake
        }
        if wakes { self.waker.wake() }
    }

    // MARK: - For the I/O thread

    /// Takes all that waits, leaving the empty `buffer` in its place.
    func take(_ buffer: inout OutputBuffer) {
        self.state.withLock { state in
            guard !state.pending.isEmpty else { return }
            state.offset += Offset(state.pending.count)
            swap(&state.pending, &buffer)
            state.inFlight = buffer.count
        }
    }

    /// Tells how much of what was taken is not sent yet.
    ///
    /// - Returns: Whether a publisher was turned away before and has room now.
    func setInFlight(_ count: Int) -> Bool {
        self.state.withLock { state in
            state.inFlight = count
            guard state.drainWanted, count + state.pending.count <= self.limit / 2 else { return false }
            state.drainWanted = false
            return true
        }
    }

    /// Marks the I/O thread as sleeping, so that the next frame wakes it.
    ///
    /// - Returns: The next deadline, or nothing when it must not sleep because something waits to be sent. With `isStuck`
    ///   it may, as the socket takes nothing.
    func fallAsleep(isStuck: Bool) -> (deadline: ContinuousClock.Instant?, sleeps: Bool) {
        self.state.withLock { state in
            guard isStuck || state.pending.isEmpty else { return (nil, false) }
            state.sleep = isStuck ? .stuck : .asleep
            return (state.earliestDeadline, true)
        }
    }

    /// The next deadline.
    var deadline: ContinuousClock.Instant? { self.state.withLock { $0.earliestDeadline } }

    /// Marks the I/O thread as awake.
    func wakeUp() {
        self.state.withLock { $0.sleep = .awake }
    }

    /// Forgets the earliest deadline; who still waits tells it again by ``watch(_:)``.
    func clearDeadline() {
        self.state.withLock { $0.earliestDeadline = nil }
    }

    /// Refuses everything from now on.
    func close() {
        self.state.withLock { state in
            state.isClosed = true
            state.pending.removeAll()
        }
    }
}
