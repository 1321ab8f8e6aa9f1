import ChaosLedger

extension Verdict {
    /// Judges events that were to be handled: none lost, none made up, and twice only those that a fault had in its hands.
    ///
    /// - Parameters:
    ///   - faults: What the driver did, with the time that its consequences may take.
    ///   - bound: How many events may have been handled twice.
    ///   - dead: Those that are dead letters, and so not lost.
    mutating func judgeDelivery(
        _ history: History,
        faults: [Fault],
        duplicatesAtMost bound: Int,
        dead: Set<MessageID> = []
    ) {
        var lost: [MessageID] = []
        var ghosts: [MessageID] = []
        var twice: [MessageID] = []
        var unexplained: [MessageID] = []
        var confirmed = 0
        for (id, message) in history.messages {
            if !message.confirmed.isEmpty {
                confirmed += 1
                if message.done.isEmpty, !dead.contains(id) { lost.append(id) }
            }
            if message.sent.isEmpty, !message.done.isEmpty || !message.started.isEmpty { ghosts.append(id) }
            if message.isGarbled { ghosts.append(id) }
            guard message.done.count > 1 else { continue }
            twice.append(id)
            if !Self.isExplained(message, faults) { unexplained.append(id) }
        }
        self.note("confirmed", confirmed)
        if confirmed == 0 { self.violation("nothing was published: the run proves nothing") }
        self.expectNone("lost", lost.sorted())
        self.expectNone("handled and never sent, or changed on the way", ghosts.sorted())
        self.expect("handled twice", twice.count, atMost: bound)
        self.expectNone("handled twice without a fault near them", unexplained.sorted())
    }

    /// Whether a fault was at work while the event was published, or between its first and its last handling.
    private static func isExplained(_ message: MessageHistory, _ faults: [Fault]) -> Bool {
        let times = message.done.map(\.time)
        return faults.contains { fault in
            if let first = times.min(), let last = times.max(), fault.touches(first, last) { return true }
            guard let sent = message.sent.min() else { return false }
            return fault.touches(sent, message.confirmed.max() ?? sent)
        }
    }

    /// Judges publishers: each event of the plan confirmed in the end, no call longer than its deadline.
    mutating func judgePublishing(_ history: History, planned: Int) {
        let unconfirmed = history.messages.filter { !$0.value.sent.isEmpty && $0.value.confirmed.isEmpty }.keys.sorted()
        self.expectNone("never confirmed", unconfirmed)
        // Producer 0 is the driver, whose canaries are in no plan.
        let sent = history.messages.count { $0.key.producer > 0 && !$0.value.sent.isEmpty }
        if sent != planned { self.violation("\(sent) events were sent, and \(planned) were planned") }
        self.judgeDeadlines(history)
        for (code, count) in history.failures.sorted(by: { $0.key < $1.key }) {
            self.note("publish attempts failed with \(code)", count)
        }
    }

    /// Judges that no publish took longer than it may.
    mutating func judgeDeadlines(_ history: History) {
        self.note("longest publish", history.longestPublish.inMilliseconds)
        let late = history.late.map { "\($0.message) (\($0.took.inMilliseconds))" }
        self.expectNone("publishes beyond their deadline", late)
    }

    /// Judges processes that were asked to stop under load: nothing begun and left, nothing begun a second time elsewhere,
    /// exit status 0, the last handler done in time.
    mutating func judgeStops(_ stops: [Stop], _ history: History, within limit: Duration) {
        let processes = Set(stops.map(\.process))
        var unfinished: [MessageID] = []
        var startedTwice: [MessageID] = []
        var lastEnds: [Int32: Instant] = [:]
        var cancelled = 0
        for (id, message) in history.messages {
            cancelled += message.cancelled
            for process in Set(message.started.map(\.process)).intersection(processes) {
                let ends = message.done.filter { $0.process == process }.map(\.time)
                if ends.count < message.started.count(where: { $0.process == process }) { unfinished.append(id) }
                if message.started.count > 1 { startedTwice.append(id) }
                lastEnds[process] = max(lastEnds[process] ?? .init(nanoseconds: 0), ends.max() ?? .init(nanoseconds: 0))
            }
        }
        self.note("asked to stop", stops.count)
        self.expectNone("begun and not done", unfinished.sorted())
        self.expectNone("begun, and begun a second time", startedTwice.sorted())
        self.expect("cancelled", cancelled, atMost: 0)
        let last = stops.map { stop in (lastEnds[stop.process] ?? stop.asked) - stop.asked }
        self.expect("longest from SIGTERM to the end of the last handler", last.max() ?? .zero, atMost: limit)
        let ends = stops.map { $0.ended - $0.asked }
        self.note("from SIGTERM to the end of the process", Statistics(ends))
        self.expect("longest from SIGTERM to the end of the process", ends.max() ?? .zero, atMost: limit + .seconds(1))
        self.expectNone("ends other than exit status 0", stops.filter { $0.status != 0 }.map { "\($0)" })
        if stops.isEmpty { self.violation("no process was asked to stop: the run proves nothing") }
    }
}

/// The stop of a process.
struct Stop: Sendable, Hashable {
    let process: Int32
    let asked: Instant
    let ended: Instant
    /// Its exit status; `nil` where a signal ended it.
    let status: Int32?
}
