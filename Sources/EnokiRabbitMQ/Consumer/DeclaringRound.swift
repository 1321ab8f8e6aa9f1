import EnokiBroker

/// One time of asking the broker for all that was declared, and what came of it.
///
/// Hundreds of queues can take a cluster longer than one call may take, so they are asked for in portions.
final class DeclaringRound: Sendable {
    struct Question {
        let method: Method
        /// The consumer whose queue is looked for; `nil` where something is declared.
        var checks: ObjectIdentifier?
    }

    private struct State {
        var questions: ArraySlice<Question>
        var lost: [ObjectIdentifier] = []
        var failures: [BrokerError] = []
        /// Whether the broker answers no more.
        var isOver = false
    }

    /// How many questions are asked at once.
    static let portion = 100

    let number: Int
    private let state: Locked<State>

    init(number: Int, _ questions: [Question]) {
        self.number = number
        self.state = Locked(State(questions: questions[...]))
    }

    /// The questions to ask next; `nil` when all were asked, or when the others would not be answered either.
    func next() -> [Question]? {
        self.state.withLock { state in
            guard !state.isOver, !state.questions.isEmpty else { return nil }
            defer { state.questions = state.questions.dropFirst(Self.portion) }
            return Array(state.questions.prefix(Self.portion))
        }
    }

    /// The broker has refused, or has not answered.
    func note(_ error: BrokerError, for question: Question) {
        self.state.withLock { state in
            if [.timedOut, .connectionLost, .closed].contains(error.code) { state.isOver = true }
            guard let consumer = question.checks else { return state.failures.append(error) }
            // One that another connection holds was ours, and goes with that connection.
            if error.code == .notFound || error.code == .resourceLocked { state.lost.append(consumer) }
            // What else it is, its declaration will show.
            if state.isOver { state.failures.append(error) }
        }
    }

    /// The consumers whose queues were gone, and what the broker refused.
    var findings: (lost: [ObjectIdentifier], failures: [BrokerError]) {
        self.state.withLock { ($0.lost, $0.failures) }
    }
}
