import Enoki
import EnokiTesting

/// Handles events as a test wants it to, and notes each attempt.
struct Flaky: Microservice {
    static let name = "flaky"
    static let queue = "evt-press-published--flaky.on_published"
    static let deadLetters = queue + ".dead"

    struct Attempt: Sendable, Hashable {
        let title: String
        let number: Int
        let time: Duration
    }

    let policy: FailurePolicy?
    let attempts = Shelf<Attempt>()
    /// The clock of the test, by which attempts are noted.
    let clock = Shelf<VirtualClock>()
    let handle: @Sendable (_ attempt: Int, Published) async throws -> Void

    init(
        _ policy: FailurePolicy? = nil,
        handle: @escaping @Sendable (_ attempt: Int, Published) async throws -> Void = { _, _ in
            throw Boom(reason: "always")
        }
    ) {
        self.policy = policy
        self.handle = handle
    }

    var entrypoints: [any Entrypoint] { EventHandler("on_published", onFailure: policy, onPublished) }

    func onPublished(_ event: Published) async throws {
        let number = WorkerContext.current?.attempt ?? 0
        let time = self.clock.elements.last?.now.offset ?? .zero
        self.attempts.put(Attempt(title: event.title, number: number, time: time))
        try await self.handle(number, event)
    }

    /// When which attempt was made, in seconds.
    var times: [Duration] { self.attempts.elements.map(\.time) }
    /// The numbers of the attempts.
    var numbers: [Int] { self.attempts.elements.map(\.number) }
}
