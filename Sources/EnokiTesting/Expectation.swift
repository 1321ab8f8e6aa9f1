import Enoki

/// A call, or several, that a test expects of a service.
public final class Expectation: Sendable {
    private struct State {
        var calls: [RecordedCall] = []
        var failure: (any Error)?
    }

    private let service: String
    private let entrypoint: String
    private let count: Int
    private let patience: Duration
    private let recorder: CallRecorder
    private let matches: @Sendable (RecordedCall) -> Bool
    private let state = Locked(State())
    private let isMet = Latch()

    init(
        service: String,
        entrypoint: String,
        count: Int,
        patience: Duration,
        recorder: CallRecorder,
        matches: @escaping @Sendable (RecordedCall) -> Bool
    ) {
        self.service = service
        self.entrypoint = entrypoint
        self.count = count
        self.patience = patience
        self.recorder = recorder
        self.matches = matches
    }

    /// The first call that was expected, once all have come.
    ///
    /// - Throws: The error of a call that failed; ``ExpectationError`` when they do not come in time.
    @discardableResult
    public func value() async throws -> RecordedCall {
        let calls = try await self.values()
        if let failed = calls.lazy.compactMap(\.outcome.error).first { throw failed }
        guard let first = calls.first else { throw self.error() }
        return first
    }

    /// The calls that were expected, whatever their outcomes, once all have come.
    ///
    /// - Throws: ``ExpectationError`` when they do not come in time.
    @discardableResult
    public func values() async throws -> [RecordedCall] {
        await withTaskGroup { group in
            group.addTask { await self.isMet.wait() }
            group.addTask { try? await ContinuousClock().sleep(for: self.patience) }
            await group.next()
            group.cancelAll()
        }
        try Task.checkCancellation()
        let state = self.state.withLock { $0 }
        if let failure = state.failure { throw failure }
        guard state.calls.count >= self.count else { throw self.error() }
        return state.calls
    }

    func observe(_ call: RecordedCall) {
        guard call.service == self.service, call.entrypoint == self.entrypoint, self.matches(call) else { return }
        let isMet = self.state.withLock { state in
            if state.calls.count < self.count { state.calls.append(call) }
            return state.calls.count >= self.count
        }
        if isMet { self.isMet.open() }
    }

    func fail(_ error: any Error) {
        self.state.withLock { $0.failure = error }
        self.isMet.open()
    }

    private static func times(_ count: Int) -> String {
        switch count {
        case 0: "never"
        case 1: "once"
        default: "\(count) times"
        }
    }

    private func error() -> ExpectationError {
        let seen = self.state.withLock { $0.calls.count }
        let calls = self.recorder.calls.map { "  \($0)" }.joined(separator: "\n")
        return ExpectationError(
            description: "expected \(self.service).\(self.entrypoint) to be called \(Self.times(self.count)) within "
                + "\(self.patience), it was called \(Self.times(seen)); "
                + (calls.isEmpty ? "no call has ended" : "these calls have ended:\n\(calls)")
        )
    }
}

/// What was expected did not happen; the description says what did.
public struct ExpectationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What was expected and what happened instead.
    public let description: String
}
