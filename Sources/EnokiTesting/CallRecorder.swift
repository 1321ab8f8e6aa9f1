import Enoki

/// A call that a service of a test has worked on.
public struct RecordedCall: Sendable {
    /// Which process it ran in, counted from 0; two instances of a service have different numbers.
    public let instance: Int
    /// The context that it ran in.
    public let context: WorkerContext
    /// How it ended.
    public let outcome: Outcome

    /// The service that it ran in.
    public var service: String { self.context.service }
    /// The entrypoint that was called.
    public var entrypoint: String { self.context.entrypoint }
}

extension RecordedCall: CustomStringConvertible {
    /// Service, entrypoint, instance and outcome.
    public var description: String {
        let ending =
            switch self.outcome {
            case .succeeded: "succeeded"
            case .failed(let error): "failed: \(error)"
            case .cancelled: "was cancelled"
            }
        return "\(self.service).\(self.entrypoint) on instance \(self.instance) \(ending)"
    }
}

/// Remembers the calls of a cluster and tells them to the expectations.
final class CallRecorder: Sendable {
    private struct State {
        var calls: [RecordedCall] = []
        var expectations: [Expectation] = []
    }

    private let state = Locked(State())

    var calls: [RecordedCall] { self.state.withLock { $0.calls } }

    func add(_ expectation: Expectation) { self.state.withLock { $0.expectations.append(expectation) } }

    func record(_ call: RecordedCall) {
        let expectations = self.state.withLock { state in
            state.calls.append(call)
            return state.expectations
        }
        for expectation in expectations { expectation.observe(call) }
    }

    func fail(_ error: any Error) {
        for expectation in self.state.withLock({ $0.expectations }) { expectation.fail(error) }
    }
}
