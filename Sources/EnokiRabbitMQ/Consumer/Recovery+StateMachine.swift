import EnokiBroker
import OrderedCollections

/// Decides how what was declared and consumed on a connection comes back on the next, and when it is all there; performs
/// no I/O and knows no clock.
///
/// Rounds of declaring, one at a time, are followed by consuming what is not consumed. Whatever fails, and whenever the
/// connection is lost, it goes on from where it has to: a loss makes it begin anew, a refusal is tried again, more and more
/// slowly, and an answer of an older connection is nobody's.
struct RecoveryStateMachine<ID: Hashable & Sendable> {
    enum Action: Equatable, Sendable {
        /// See whether the queues of these consumers are still there, declare all that is recorded, then call
        /// ``RecoveryStateMachine/declared(round:lostQueues:failures:)``.
        case declare(round: Int, checking: [ID])
        /// Consume, then call ``RecoveryStateMachine/consumed(_:failure:)``.
        case consume(ID)
        /// Call ``RecoveryStateMachine/waited(_:)`` after that time.
        case wait(Duration, for: Wait)
        /// The queue was gone, and with it what was in it; it is declared again.
        case tellQueueLost(ID)
        /// Calls and publishers may go on: what they need is there, as far as it can be.
        case open
        /// Give the connection up.
        case rebuild(BrokerError)
    }

    /// What a wait is for.
    enum Wait: Hashable, Sendable {
        case round(Int)
        case consumer(ID, attempt: Int, session: Int)
    }

    /// How far things are.
    enum Condition: Equatable, Sendable {
        /// There is no connection.
        case away
        /// There is one, and not all is there that was there before; the reason is `nil` while nothing has failed.
        case restoring(String?)
        /// Every consumer that is wanted is served, and all that was declared is there.
        case whole
    }

    private enum Phase: Equatable {
        /// Not consuming; a round comes, or goes on, before it is tried.
        case needed
        case starting
        case live
        /// Refused; it is tried again after a wait.
        case waiting
    }

    private struct Consumer {
        let queue: String
        /// Whether it is to be told when its queue was lost.
        let watchesQueue: Bool
        var phase: Phase
        /// Counts the refusals since it was last served.
        var attempt = 0
        var isQueueLost = false
        var refusal: String?
    }

    /// What is not as it should be, and what nobody is known to mend.
    private struct Suspect: Hashable {
        let consumer: ID?
        /// Of the consumer, or how far the declaring has come.
        let attempt: Int
    }

    /// How often what is locked or missing is looked for again before publishers and calls go on without it: a broker may
    /// still be busy with the end of our last connection. With the growing delays about ten seconds.
    static var patientRounds: Int { 16 }

    private var consumers: OrderedDictionary<ID, Consumer> = [:]
    private var isConnected = false
    /// Counts the connections.
    private var session = 0
    /// Counts the rounds of declaring.
    private var round = 0
    private var isDeclaring = false
    /// Counts what was declared, in portions.
    private var progress = 0
    /// Whether something happened during a round that needs another.
    private var needsAnotherRound = false
    private var isWaitingForRound = false
    /// Rounds that failed since the connection was made, or since one succeeded.
    private var failedRounds = 0
    private var isOpen = false
    /// Why not all that was declared is there.
    private var missing: String?
    /// How often in a row each was seen.
    private var suspects: [Suspect: Int] = [:]
    private let longestWait: Duration
    private let looksForAnswer: Int

    /// - Parameters:
    ///   - longestWait: How long a refusal is waited after at most.
    ///   - looksForAnswer: How many looks of the watch a question to the broker may outlast. It has a deadline of its own, which
    ///     comes first, so that a broker that is slow is not asked again from the beginning for ever.
    init(longestWait: Duration, looksForAnswer: Int) {
        self.longestWait = longestWait
        self.looksForAnswer = looksForAnswer
    }

    /// How far things are.
    var condition: Condition {
        guard self.isConnected else { return .away }
        if let missing { return .restoring(missing) }
        for consumer in self.consumers.values {
            guard consumer.phase != .live, let refusal = consumer.refusal else { continue }
            return .restoring("queue '\(consumer.queue)' is not consumed: \(refusal)")
        }
        let isWhole = self.isOpen && !self.isDeclaring && self.consumers.values.allSatisfy { $0.phase == .live }
        return isWhole ? .whole : .restoring(nil)
    }

    // MARK: - The connection

    /// There is a connection.
    mutating func opened() -> [Action] {
        self.isConnected = true
        self.session += 1
        return self.declare()
    }

    /// It is gone, and with it all that was not durable and every consumer.
    mutating func lost() {
        self.isConnected = false
        self.isOpen = false
        self.isDeclaring = false
        self.needsAnotherRound = false
        self.isWaitingForRound = false
        self.failedRounds = 0
        self.missing = nil
        self.suspects = [:]
        // What was under way is over.
        self.round += 1
        for index in self.consumers.values.indices {
            self.consumers.values[index].phase = .needed
            self.consumers.values[index].attempt = 0
            self.consumers.values[index].refusal = nil
        }
    }

    // MARK: - Declaring

    private mutating func declare() -> [Action] {
        guard self.isConnected else { return [] }
        guard !self.isDeclaring else {
            self.needsAnotherRound = true
            return []
        }
        self.isDeclaring = true
        self.isWaitingForRound = false
        self.needsAnotherRound = false
        self.round += 1
        self.progress += 1
        let checking = self.consumers.filter { $0.value.phase != .live && $0.value.watchesQueue }
        return [.declare(round: self.round, checking: Array(checking.keys))]
    }

    /// A part of a round of declaring is done, and the broker is busy with the next.
    mutating func declaredPart(ofRound round: Int) {
        if round == self.round { self.progress += 1 }
    }

    /// A round of declaring has ended.
    ///
    /// - Parameters:
    ///   - lostQueues: The consumers, of those that were to be checked, whose queue was not there.
    ///   - failures: What the broker refused.
    mutating func declared(round: Int, lostQueues: [ID], failures: [BrokerError]) -> [Action] {
        guard round == self.round, self.isDeclaring else { return [] }
        for id in lostQueues { self.consumers[id]?.isQueueLost = true }
        // The loss of the connection is about to be told; until then nothing more can be said.
        if failures.contains(where: { $0.code == .connectionLost || $0.code == .closed }) { return [] }
        if let unanswered = failures.first(where: { $0.code == .timedOut }) {
            // Whether it is there nobody knows; another connection will tell.
            return [.rebuild(unanswered)]
        }
        self.isDeclaring = false
        if self.needsAnotherRound { return self.declare() }
        // What exists otherwise than it is wanted is there all the same.
        let absent = failures.first { $0.code != .preconditionFailed }
        self.missing = absent?.message
        var actions: [Action] = []
        if let absent {
            self.failedRounds += 1
            let isPassing = absent.code == .resourceLocked || absent.code == .notFound
            let isPatient = !self.isOpen && isPassing && self.failedRounds < Self.patientRounds
            self.isWaitingForRound = true
            let attempt = self.failedRounds
            let pause = isPatient ? .milliseconds(25) * (1 << min(attempt, 5)) : self.pause(attempt: attempt)
            actions.append(.wait(pause, for: .round(self.round)))
            if isPatient { return actions }
        } else {
            self.failedRounds = 0
        }
        return actions + self.consume() + self.openIfTried()
    }

    // MARK: - Consuming

    private mutating func consume() -> [Action] {
        var actions: [Action] = []
        for (id, consumer) in self.consumers where consumer.phase == .needed {
            if consumer.isQueueLost { actions.append(.tellQueueLost(id)) }
            self.consumers[id]?.isQueueLost = false
            self.consumers[id]?.phase = .starting
            actions.append(.consume(id))
        }
        return actions
    }

    /// The first attempt for each consumer is over, well or ill: others need not wait any more.
    private mutating func openIfTried() -> [Action] {
        guard !self.isDeclaring, self.consumers.values.allSatisfy({ $0.phase == .live || $0.phase == .waiting })
        else { return [] }
        self.isOpen = true
        return [.open]
    }

    /// The broker has agreed to serve a consumer, or has refused it.
    mutating func consumed(_ id: ID, failure: BrokerError?) -> [Action] {
        guard self.isConnected, self.consumers[id]?.phase == .starting, let consumer = self.consumers[id] else {
            // One that is wanted no longer may have been the last that others waited for.
            return self.isConnected && self.consumers[id] == nil ? self.openIfTried() : []
        }
        guard let failure else {
            self.consumers[id]?.phase = .live
            self.consumers[id]?.attempt = 0
            self.consumers[id]?.refusal = nil
            return self.openIfTried()
        }
        if failure.code == .connectionLost || failure.code == .closed {
            // The loss is about to be told; should it not be, the watch finds a consumer that nobody serves.
            self.consumers[id]?.phase = .needed
            return []
        }
        let attempt = consumer.attempt + 1
        self.consumers[id]?.attempt = attempt
        self.consumers[id]?.phase = .waiting
        self.consumers[id]?.refusal = failure.message
        let wait = Wait.consumer(id, attempt: attempt, session: self.session)
        return [.wait(self.pause(attempt: attempt), for: wait)] + self.openIfTried()
    }

    private func pause(attempt: Int) -> Duration {
        min(.milliseconds(500) * (1 << min(max(attempt - 1, 0), 10)), self.longestWait)
    }

    /// A wait is over.
    mutating func waited(_ wait: Wait) -> [Action] {
        switch wait {
        case .round(let round):
            guard round == self.round, self.isWaitingForRound else { return [] }
            return self.declare()
        case .consumer(let id, let attempt, let session):
            guard session == self.session, let consumer = self.consumers[id], consumer.phase == .waiting,
                consumer.attempt == attempt
            else { return [] }
            self.consumers[id]?.phase = .needed
            return self.declare()
        }
    }

    // MARK: - What is wanted

    /// A consumer is served and wanted from now on.
    ///
    /// - Parameter watchesQueue: Whether it is to be told when its queue was lost.
    mutating func add(_ id: ID, queue: String, watchesQueue: Bool) {
        let phase: Phase = self.isConnected ? .live : .needed
        self.consumers[id] = Consumer(queue: queue, watchesQueue: watchesQueue, phase: phase)
    }

    /// A consumer is wanted no longer.
    mutating func remove(_ id: ID) { self.consumers[id] = nil }

    /// A consumer is served no longer, on a connection that lives.
    mutating func stopped(_ id: ID, because reason: String) -> [Action] {
        guard self.isConnected, let consumer = self.consumers[id], consumer.phase == .live else { return [] }
        self.consumers[id]?.phase = .needed
        self.consumers[id]?.refusal = reason
        return self.declare()
    }

    /// Something that was declared is not there any more.
    mutating func missed(_ what: String) -> [Action] {
        guard self.isConnected, self.isOpen else { return [] }
        self.missing = what
        return self.declare()
    }

    // MARK: - The watch

    /// Looks, at intervals, for what should be served and is not, and what nobody is known to mend: seen twice, the
    /// connection is given up, because without it the process would be alive and idle.
    ///
    /// - Parameter served: The consumers that the broker has agreed to serve, on a channel that is open.
    mutating func look(served: Set<ID>) -> [Action] {
        guard self.isConnected else { return [] }
        var found: [(suspect: Suspect, looks: Int, text: String)] = []
        for (id, consumer) in self.consumers {
            let looks: Int? =
                switch consumer.phase {
                case .live: served.contains(id) ? nil : 2
                case .starting: self.looksForAnswer
                case .needed: self.isDeclaring || self.isWaitingForRound ? nil : 2
                case .waiting: nil
                }
            guard let looks else { continue }
            let suspect = Suspect(consumer: id, attempt: consumer.attempt)
            found.append((suspect, looks, "queue '\(consumer.queue)' is not consumed"))
        }
        if self.isDeclaring {
            let suspect = Suspect(consumer: nil, attempt: self.progress)
            found.append((suspect, self.looksForAnswer, "the broker does not say what it has declared"))
        }
        let former = self.suspects
        self.suspects = [:]
        for (suspect, looks, text) in found {
            let seen = (former[suspect] ?? 0) + 1
            guard seen < looks else {
                self.suspects = [:]
                return [.rebuild(BrokerError(.timedOut, "\(text), and nobody sees to it; giving the connection up"))]
            }
            self.suspects[suspect] = seen
        }
        return []
    }
}
