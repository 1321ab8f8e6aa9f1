import DequeModule
import EnokiBroker
import Logging

/// The publishing side of the broker: one connection, one channel in confirm mode.
///
/// A message is first in `waiting`, if it cannot be sent at once, then in the ring until the broker confirms it. When the
/// channel ends before that, the ring decides which messages go back to `waiting`. A publisher is told the outcome by
/// whoever takes its message out of one of the two without putting it into the other.
final class Publisher: ConnectionUser, ChannelUser {
    /// Why messages wait although there is a channel.
    enum Hold: Hashable {
        /// Exchanges and queues are not declared again yet.
        case topology
        /// `connection.blocked`.
        case blocked
    }

    struct State {
        var session: Session?
        /// The channel that is being opened.
        var opening: Channel?
        /// The channel in confirm mode, once it is.
        var channel: Channel?
        var ring = ConfirmRing()
        /// Not sent yet, oldest first.
        var waiting: Deque<Outgoing> = []
        var waitingBytes = 0
        /// Whose publishers wait no longer, until the next look.
        var givenUp: [Publication] = []
        var holds: [Hold: String] = [:]
        /// Why there is no channel.
        var reason = "not connected yet"
        var isEnded = false
        /// When the timer looks at those that wait; `nil` while it does not.
        var nextLook: ContinuousClock.Instant?
        /// How many messages may be sent without a confirm.
        let maxUnconfirmed: Int
        /// Whether the channel is new, see ``Publisher/timeToBeNew``.
        var isNew = false
        /// How many of those that are not answered yet may be what the broker closed a channel for. They go first and one at a
        /// time, so that the next time it is known which.
        var suspects = 0
        /// What the broker closed channels for.
        var complaints = Complaints()

        /// Why messages wait.
        var obstacle: String {
            if self.channel == nil { return self.reason }
            if let hold = self.holds[.blocked] ?? self.holds[.topology] { return hold }
            return self.waitsForConfirms
                ? "the broker has not confirmed the \(self.ring.unanswered) messages before it"
                : "many bytes wait to be sent, and the broker takes them slowly or not at all"
        }

        /// Whether as many messages are unconfirmed as may be.
        private var isWindowFull: Bool {
            self.ring.unanswered >= (self.suspects > 0 ? 1 : self.maxUnconfirmed)
                || self.ring.unanswered > 0 && self.ring.unansweredBytes >= Publisher.maxUnconfirmedBytes
        }

        var canSend: Bool { self.channel != nil && self.holds.isEmpty && !self.waitsForConfirms }

        /// Whether nothing can be sent before something is confirmed.
        var waitsForConfirms: Bool { self.isWindowFull || self.isNextTooEarly }

        /// Whether what is sent for the second time has to be confirmed first: a message that the broker closes the channel for
        /// would leave the outcome of all of that unknown.
        private var isNextTooEarly: Bool {
            self.isNew && self.ring.unansweredAgain > 0 && self.waiting.first?.mayHaveArrived != true
        }
    }

    /// How many bytes of messages may be sent without a confirm: they are kept until then.
    private static let maxUnconfirmedBytes = 64 * 1024 * 1024

    /// What may wait to be sent, beside what the outbox holds. Beyond, a publisher that does not wait for its confirms
    /// would fill the memory.
    private static let maxWaiting = (messages: 100_000, bytes: 256 * 1024 * 1024)

    /// How long a channel is new: so long messages wait for the confirms of those that were sent before, and suspects go one at a
    /// time. A queue that has failed may never confirm one, and that must not hold up all others.
    static let timeToBeNew = Duration.seconds(3)

    /// Who declares what is missing.
    struct Topology {
        weak var host: ConsumerHost?
    }

    let connection: Connection
    let state: Locked<State>
    let topology = Locked(Topology())
    let timers: TimerQueue
    private let maxBodySize: Int
    /// `nil` where messages are sent without an identity if they have none.
    private let messageIDs: MessageIDs?
    let report: @Sendable (LinkStatus.Link) -> Void

    init(_ connection: Connection, timers: TimerQueue, report: @escaping @Sendable (LinkStatus.Link) -> Void) {
        self.connection = connection
        self.timers = timers
        self.maxBodySize = connection.configuration.maxBodySize
        self.state = Locked(State(maxUnconfirmed: max(1, connection.configuration.maxUnconfirmed)))
        self.messageIDs = connection.configuration.assignsMessageIDs ? MessageIDs() : nil
        self.report = report
        self.state.withLock { $0.holds[.topology] = "not connected yet" }
    }

    /// Tells `host` from now on which exchanges are missing.
    func attach(_ host: ConsumerHost) { self.topology.withLock { $0.host = host } }

    /// Publishes; tells `completion` once what became of the message.
    ///
    /// - Returns: What gives it up.
    func publish(
        _ message: Message,
        to exchange: String,
        routingKey: String,
        options: PublishOptions,
        completion: @escaping @Sendable (Result<Void, BrokerError>) -> Void
    ) -> PublishTicket {
        var message = message
        options.apply(to: &message)
        self.messageIDs?.assign(to: &message)
        let publication: Publication
        do throws(BrokerError) {
            publication = try Publication(
                message,
                to: exchange,
                routingKey: routingKey,
                mandatory: options.mandatory,
                deadline: .deadline(after: options.timeout),
                maxBodySize: self.maxBodySize,
                complete: completion
            )
        } catch {
            completion(.failure(error))
            return PublishTicket()
        }
        let (failure, look) = self.state.withLock { state -> (BrokerError?, ContinuousClock.Instant?) in
            if state.isEnded { return (.brokerClosed, nil) }
            // None may overtake those that wait.
            if state.waiting.isEmpty, state.canSend {
                switch Self.send(Outgoing(publication: publication), &state) {
                case .sent: return (nil, nil)
                case .failed(let error): return (error, nil)
                case .notNow: break
                }
            }
            guard state.waiting.count < Self.maxWaiting.messages,
                state.waiting.isEmpty || state.waitingBytes + publication.estimatedSize <= Self.maxWaiting.bytes
            else {
                let error = BrokerError(
                    .notSent,
                    "\(state.waiting.count) messages wait to be sent already: \(state.obstacle)"
                )
                return (error, nil)
            }
            state.waiting.append(Outgoing(publication: publication))
            state.waitingBytes += publication.estimatedSize
            if let nextLook = state.nextLook, nextLook <= publication.deadline { return (nil, nil) }
            state.nextLook = publication.deadline
            return (nil, publication.deadline)
        }
        if let failure { completion(.failure(failure)) }
        if let look { self.look(at: look) }
        return PublishTicket { [weak self] in self?.giveUp(publication) }
    }

    private enum SendResult {
        case sent, notNow
        case failed(BrokerError)
    }

    /// Encodes a message into the outbox. Called under the lock, because the broker numbers messages as they come.
    private static func send(_ outgoing: Outgoing, _ state: inout State) -> SendResult {
        guard let channel = state.channel else { return .notNow }
        let publication = outgoing.publication
        switch channel.outbox.append(publication, channel: channel.number, deadline: publication.deadline) {
        case .accepted(let range):
            state.ring.append(outgoing, at: range)
            return .sent
        case .full, .closed: return .notNow
        case .invalid(let status):
            let reason = LibraryStatus.describe(status)
            return .failed(BrokerError(.invalidArgument, "the message cannot be encoded: \(reason)"))
        }
    }

    /// Sends what waits, as far as possible, after a change that may have removed an obstacle.
    func change(_ body: (inout State) -> Void) {
        let failures = self.state.withLock { state -> [ConfirmRing.Completion] in
            body(&state)
            var failures: [ConfirmRing.Completion] = []
            while state.canSend, let outgoing = state.waiting.first {
                switch Self.send(outgoing, &state) {
                case .sent: break
                case .failed(let error): failures.append((outgoing.publication, .failed(outgoing.failure(error))))
                case .notNow: return failures
                }
                state.waiting.removeFirst()
                state.waitingBytes -= outgoing.publication.estimatedSize
            }
            return failures
        }
        Self.tell(failures)
    }

    static func tell(_ completions: [ConfirmRing.Completion]) {
        for completion in completions {
            switch completion.result {
            case .confirmed: completion.publication.complete(.success(()))
            case .failed(let error): completion.publication.complete(.failure(error))
            case .sendAgain: break
            }
        }
    }

    /// Puts those that are sent again before all that wait, in their order; where nothing is sent any more, they fail.
    ///
    /// - Returns: Who is to be told.
    static func requeue(
        _ completions: [ConfirmRing.Completion],
        _ state: inout State
    ) -> [ConfirmRing.Completion] {
        var told: [ConfirmRing.Completion] = []
        var again: [Outgoing] = []
        for completion in completions {
            guard case .sendAgain(let mayHaveArrived) = completion.result else {
                told.append(completion)
                continue
            }
            let outgoing = Outgoing(publication: completion.publication, mayHaveArrived: mayHaveArrived)
            if state.isEnded {
                told.append((completion.publication, .failed(outgoing.failure(.brokerClosed))))
            } else {
                again.append(outgoing)
            }
        }
        state.waiting.prepend(contentsOf: again)
        state.waitingBytes += again.reduce(0) { $0 + $1.publication.estimatedSize }
        return told
    }

    // MARK: - Deadlines of what waits

    /// Many that wait have many deadlines: they are looked at no more often than this.
    private static let timeBetweenLooks = Duration.milliseconds(20)

    private func look(at instant: ContinuousClock.Instant) {
        self.timers.schedule(after: ContinuousClock.now.duration(to: instant)) {
            // Unless another look has taken its place.
            if self.state.withLock({ $0.nextLook == instant }) { self.expireWaiting() }
        }
    }

    /// Fails what has waited too long, and sees to it that the rest is looked at in time.
    func expireWaiting() {
        let now = ContinuousClock.now
        let (overdue, obstacle, next) = self.state.withLock { state in
            let obstacle = state.obstacle
            let overdue = state.waiting.filter { $0.publication.deadline <= now }
            if !overdue.isEmpty {
                state.waiting.removeAll { $0.publication.deadline <= now }
                state.waitingBytes -= overdue.reduce(0) { $0 + $1.publication.estimatedSize }
            }
            let next = state.waiting.lazy.map(\.publication.deadline).min()
            state.nextLook = next.map { max($0, now + Self.timeBetweenLooks) }
            return (overdue, obstacle, state.nextLook)
        }
        if let next { self.look(at: next) }
        let error = BrokerError(.notSent, "the message was not sent within its timeout: \(obstacle)")
        for outgoing in overdue { outgoing.publication.complete(.failure(outgoing.failure(error))) }
    }

    // MARK: - Those that are given up

    /// Nobody waits for `publication` any longer. Many may be given up at once, which costs one look.
    private func giveUp(_ publication: Publication) {
        let isFirst = self.state.withLock { state in
            state.givenUp.append(publication)
            return state.givenUp.count == 1
        }
        if isFirst { self.timers.schedule(after: .zero) { self.endGivenUp() } }
    }

    private func endGivenUp() {
        var completions: [ConfirmRing.Completion] = []
        let channel = self.state.withLock { state -> Channel? in
            let givenUp = Set(state.givenUp.map(ObjectIdentifier.init))
            // Kept until here, so that no other can have taken its place.
            state.givenUp = []
            let waiting = state.waiting.filter { givenUp.contains(ObjectIdentifier($0.publication)) }
            if !waiting.isEmpty {
                state.waiting.removeAll { givenUp.contains(ObjectIdentifier($0.publication)) }
                state.waitingBytes -= waiting.reduce(0) { $0 + $1.publication.estimatedSize }
            }
            completions = waiting.map { ($0.publication, .failed($0.failure(.cancelledBeforeSending))) }
            guard let channel = state.channel else { return nil }
            state.ring.giveUp(
                where: { givenUp.contains(ObjectIdentifier($0)) },
                withdraw: channel.outbox.withdraw,
                into: &completions
            )
            return channel
        }
        Self.tell(completions)
        // There may be room for others.
        self.change { _ in }
        // The I/O thread sees to a channel on which only answers are left that nobody waits for.
        channel?.outbox.watch(.now)
    }

    // MARK: - Obstacles

    /// Lets messages wait while exchanges and queues are not there yet.
    func holdForTopology(_ reason: String) { self.state.withLock { $0.holds[.topology] = reason } }

    /// Lets them go on.
    func releaseTopology() { self.change { $0.holds[.topology] = nil } }

    /// Fails what waits and what comes. What was sent may still be confirmed.
    func end() {
        let waiting = self.state.withLock { state in
            state.isEnded = true
            defer {
                state.waiting = []
                state.waitingBytes = 0
            }
            return state.waiting
        }
        for outgoing in waiting { outgoing.publication.complete(.failure(outgoing.failure(.brokerClosed))) }
    }
}

extension BrokerError {
    /// What everybody is told after the end.
    static var brokerClosed: BrokerError { BrokerError(.closed, "the connection to the broker was closed") }
}

extension ContinuousClock.Instant {
    /// `timeout` from now; at most a year, so that no sum overflows.
    static func deadline(after timeout: Duration) -> Self {
        .now + min(max(timeout, .zero), .seconds(365 * 86_400))
    }
}
