import Enoki

/// A call, or several, that a test expects of a service.
public final class Expectation: Sendable {
    private struct State {
        var calls: [RecordedCall] = []
        var others = 0
        var failure: (any Error)?
    }

    /// What an expectation asks of its cluster.
    struct Surroundings: Sendable {
        let patience: Duration
        let waitUntilQuiet: @Sendable () async throws -> Void
        let report: @Sendable () async -> String
    }

    private let service: String
    private let entrypoint: String
    private let count: Int
    private let surroundings: Surroundings
    private let matches: @Sendable (RecordedCall) throws -> Bool
    private let state = Locked(State())
    private let isMet = Latch()

    init(
        service: String,
        entrypoint: String,
        count: Int,
        surroundings: Surroundings,
        matches: @escaping @Sendable (RecordedCall) throws -> Bool
    ) {
        self.service = service
        self.entrypoint = entrypoint
        self.count = count
        self.surroundings = surroundings
        self.matches = matches
    }

    /// The first call that was expected, once all have come and their dependency providers have torn down.
    ///
    /// - Throws: The error of a call that failed; ``ExpectationError`` when they do not come in time.
    @discardableResult
    public func value() async throws -> RecordedCall {
        let calls = try await self.values()
        if let failed = calls.lazy.compactMap(\.error).first { throw failed }
        guard let first = calls.first else {
            throw ExpectationError("\(self.name) was expected never to be called: ask for `never()` instead of a call")
        }
        return first
    }

    /// What the method returned in the first call that was expected, once all have come.
    ///
    /// - Throws: The error of a call that failed; ``ExpectationError`` when they do not come in time, and for a result of
    ///   another type.
    public func result<Value>(as type: Value.Type = Value.self) async throws -> Value {
        try await self.value().result(as: type)
    }

    /// The calls that were expected, whatever their outcomes, once all have come.
    ///
    /// - Throws: ``ExpectationError`` when they do not come in time.
    @discardableResult
    public func values() async throws -> [RecordedCall] {
        guard self.count > 0 else {
            try await self.never()
            return []
        }
        _ = await Patience.wait(for: self.isMet, atMost: self.surroundings.patience)
        try Task.checkCancellation()
        let state = self.state.withLock { $0 }
        if let failure = state.failure { throw failure }
        guard state.calls.count >= self.count else { throw await self.notMet(state) }
        return state.calls
    }

    /// Waits until the services have done what there is to do, and throws if such a call came meanwhile.
    ///
    /// See ``Cluster/waitUntilQuiet()`` for what that is. Time does not pass: move ``Cluster/clock`` before.
    ///
    /// - Throws: ``ExpectationError`` when one came.
    public func never() async throws {
        try await self.surroundings.waitUntilQuiet()
        let state = self.state.withLock { $0 }
        if let failure = state.failure { throw failure }
        guard !state.calls.isEmpty else { return }
        let report = await self.surroundings.report()
        throw ExpectationError("expected \(self.name) never to be called, but it was called\n\n\(report)")
    }

    func observe(_ call: RecordedCall) {
        guard call.service.hasSameBytes(as: self.service), call.entrypoint.hasSameBytes(as: self.entrypoint) else {
            return
        }
        // What comes after it is met changes nothing, or the outcome would depend on when the test looks.
        guard self.count == 0 || !self.isMet.isOpen else { return }
        do {
            let isMatch = try self.matches(call)
            let isMet = self.state.withLock { state in
                guard isMatch else {
                    state.others += 1
                    return false
                }
                if state.calls.count < max(self.count, 1) { state.calls.append(call) }
                return state.calls.count >= self.count
            }
            if isMet { self.isMet.open() }
        } catch {
            self.fail(error)
        }
    }

    func fail(_ error: any Error) {
        self.state.withLock { state in
            guard self.count == 0 || state.calls.count < self.count else { return }
            state.failure = state.failure ?? error
        }
        self.isMet.open()
    }

    private var name: String { "\(self.service).\(self.entrypoint)" }

    private func notMet(_ state: State) async -> ExpectationError {
        let others =
            switch state.others {
            case 0: ""
            case 1: "; one call did not match"
            default: "; \(state.others) calls did not match"
            }
        return ExpectationError(
            "expected \(self.name) to be \(Self.called(self.count)) within \(self.surroundings.patience), but it was "
                + "\(Self.called(state.calls.count))\(others)\n\n" + (await self.surroundings.report())
        )
    }

    private static func called(_ times: Int) -> String {
        switch times {
        case 0: "never called"
        case 1: "called once"
        default: "called \(times) times"
        }
    }
}

/// What was expected did not happen; the description says what did.
public struct ExpectationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What was expected and what happened instead.
    public let description: String

    init(_ description: String) { self.description = description }
}
