import Enoki

/// Remembers the calls of a cluster and tells them to the expectations.
final class CallRecorder: Sendable {
    /// What became of a call.
    enum Entry: Sendable {
        case ended(RecordedCall)
        case refused(service: String, entrypoint: String, instance: Int, any Error)
    }

    /// A call that has begun.
    struct RunningCall: Sendable {
        let instance: Int
        let context: WorkerContext
    }

    private struct State {
        var entries: [Entry] = []
        var running: [RunningCall] = []
        var expectations: [Expectation] = []
        var failure: (any Error)?
    }

    private let codecs: Codecs
    private let state = Locked(State())

    init(codecs: Codecs) { self.codecs = codecs }

    /// What has ended, in order.
    var entries: [Entry] { self.state.withLock { $0.entries } }

    /// What has begun and not ended, in the order of the beginnings.
    var running: [RunningCall] { self.state.withLock { $0.running } }

    /// The calls that have ended, in order.
    var calls: [RecordedCall] {
        self.entries.compactMap { if case .ended(let call) = $0 { call } else { nil } }
    }

    func add(_ expectation: Expectation) {
        let failure = self.state.withLock { state in
            state.expectations.append(expectation)
            return state.failure
        }
        if let failure { expectation.fail(failure) }
    }

    /// Takes note of what an instance has done.
    func record(_ event: WorkerEvent, in instance: Int) {
        switch event {
        case .started(let context):
            self.state.withLock { $0.running.append(RunningCall(instance: instance, context: context)) }
        case .ended(let context, let outcome):
            let call = RecordedCall(instance: instance, context: context, outcome: outcome, codecs: self.codecs)
            let expectations = self.state.withLock { state in
                state.running.removeAll { $0.context === context }
                state.entries.append(.ended(call))
                return state.expectations
            }
            for expectation in expectations { expectation.observe(call) }
        case .refused(let service, let entrypoint, let error):
            self.state.withLock { state in
                state.entries.append(
                    .refused(service: service, entrypoint: entrypoint, instance: instance, error)
                )
            }
        }
    }

    func fail(_ error: any Error) {
        let expectations = self.state.withLock { state in
            state.failure = state.failure ?? error
            return state.expectations
        }
        for expectation in expectations { expectation.fail(error) }
    }
}
