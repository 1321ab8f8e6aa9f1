import Enoki
import EnokiTesting

/// Handles events once each, as a test wants it to, and notes each call.
struct Guarded: Microservice {
    static let name = "guarded"
    static let queue = "evt-press-published--guarded.on_published"
    static let deadLetters = queue + ".dead"

    let idempotency: Idempotency<Published>
    var policy: FailurePolicy?
    var mode = HandlerMode.servicePool
    var timeout: Duration?
    let calls = Shelf<String>()
    let attempts = Shelf<Int>()
    let handle: @Sendable (Published) async throws -> Void

    init(
        _ idempotency: Idempotency<Published> = .inMemory(for: .seconds(3600)),
        _ policy: FailurePolicy? = nil,
        handle: @escaping @Sendable (Published) async throws -> Void = { _ in }
    ) {
        self.idempotency = idempotency
        self.policy = policy
        self.handle = handle
    }

    var entrypoints: [any Entrypoint] {
        EventHandler(
            "on_published",
            mode: self.mode,
            onFailure: self.policy,
            timeout: self.timeout,
            idempotency: self.idempotency,
            self.onPublished
        )
    }

    func onPublished(_ event: Published) async throws {
        self.calls.put(event.title)
        self.attempts.put(WorkerContext.current?.attempt ?? 0)
        try await self.handle(event)
    }
}

extension Cluster {
    /// Publishes an event with that message id, for the handler of ``Guarded``.
    func publish(_ title: String, id: String, user: String? = nil) async throws {
        let message = Message(
            #"{"title": "\#(title)"}"#,
            properties: BasicProperties(contentType: "application/json", messageID: id, userID: user)
        )
        try await self.broker.publish(message, to: "press.events", routingKey: "published")
    }
}

/// A store that fails, or waits, where a test wants it to.
final class FaultyStore: IdempotencyStore {
    struct OutOfOrder: Error {}

    private let store = InMemoryIdempotencyStore()
    let broken = Locked<Set<String>>([])
    let gate: Latch?
    let noted = Shelf<String>()

    /// - Parameters:
    ///   - broken: What fails: `open`, `begin`, `renew`, `complete` or `release`.
    ///   - gate: What `complete` waits for.
    init(broken: Set<String> = [], gate: Latch? = nil) {
        self.broken.withLock { $0 = broken }
        self.gate = gate
    }

    func repair() { self.broken.withLock { $0 = [] } }

    private func note(_ operation: String) throws {
        self.noted.put(operation)
        if self.broken.withLock({ $0.contains(operation) }) { throw OutOfOrder() }
    }

    func open() async throws { try self.note("open") }

    func begin(_ claim: IdempotencyClaim, lease: Duration) async throws -> IdempotencyAnswer {
        try self.note("begin")
        return await self.store.begin(claim, lease: lease)
    }

    func renew(_ claims: [IdempotencyClaim], lease: Duration) async throws {
        try self.note("renew")
        await self.store.renew(claims, lease: lease)
    }

    func complete(_ claim: IdempotencyClaim) async throws -> Bool {
        try self.note("complete")
        await self.gate?.wait()
        return await self.store.complete(claim)
    }

    func release(_ claim: IdempotencyClaim) async throws {
        try self.note("release")
        await self.store.release(claim)
    }
}
