import EnokiTestSupport
import EnokiTesting
import Testing

@testable import Enoki

/// What a guarded handler promises over time, exact by the test's clock.
@Suite(.timeLimit(.minutes(5))) struct IdempotencyTimeTests {
    /// A store of the test's own time, into which a test can look.
    private func withStore(
        _ guarded: (any IdempotencyStore) -> Guarded,
        logger: LogRecorder = LogRecorder(),
        _ body: (Cluster, Guarded, InMemoryIdempotencyStore) async throws -> Void
    ) async throws {
        let clock = Locked<VirtualClock?>(nil)
        let store = InMemoryIdempotencyStore(capacity: 1000) { clock.withLock { $0?.now.offset ?? .zero } }
        let service = guarded(store)
        try await withServices(service, logger: logger.logger) { cluster in
            clock.withLock { $0 = cluster.clock }
            try await body(cluster, service, store)
        }
    }

    private func claim(_ id: String, in queue: String = Guarded.queue) -> IdempotencyClaim {
        IdempotencyClaim(IdempotencyKey(queue: queue, sender: "", id: id), for: .seconds(3600))
    }

    @Test func aMessageIsRememberedForItsWindowFromWhenItWasDone() async throws {
        let clock = Shelf<VirtualClock>()
        let guarded = Guarded(.inMemory(for: .seconds(3600))) { event in
            if event.title == "slow" { try await clock.elements[0].sleep(for: .seconds(100)) }
        }
        try await withServices(guarded) { cluster in
            clock.put(cluster.clock)
            try await cluster.publish("slow", id: "m-1")
            await cluster.clock.advance(by: .seconds(100))
            await cluster.clock.advance(by: .milliseconds(3_599_999))
            try await cluster.publish("again", id: "m-1")
            try await cluster.waitUntilQuiet()
            #expect(guarded.calls.elements == ["slow"])
            await cluster.clock.advance(by: .milliseconds(1))
            try await cluster.publish("again", id: "m-1")
            try await cluster.waitUntilQuiet()
            #expect(guarded.calls.elements == ["slow", "again"])
        }
    }

    @Test func aCallThatRunsLongerThanItsLeaseKeepsItsClaim() async throws {
        let gate = Latch()
        try await self.withStore {
            Guarded(Idempotency(store: $0, for: .seconds(3600), lease: .seconds(30))) { _ in await gate.wait() }
        } _: { cluster, guarded, store in
            try await cluster.publish("News", id: "m-1")
            try await cluster.publish("News", id: "m-1")
            await cluster.clock.advance(by: .seconds(500))
            #expect(guarded.calls.elements == ["News"])
            gate.open()
            await cluster.clock.advance(by: .seconds(60))
            #expect(guarded.calls.elements == ["News"])
            #expect(await store.begin(self.claim("m-1"), lease: .seconds(30)) == .done)
            let snapshot = try cluster.snapshot()
            for queue in snapshot.queues { #expect(queue.ready.isEmpty && queue.unsettledCount == 0) }
        }
    }

    @Test(arguments: [1, 2, 5, 7, 30, 33, 100]) func theClaimOfAProcessThatDiedEndsWithItsLease(_ seconds: Int)
        async throws
    {
        try await self.withStore {
            Guarded(Idempotency(store: $0, for: .seconds(3600), lease: .seconds(seconds)))
        } _: { cluster, guarded, store in
            // It has begun, and was never heard of again.
            #expect(await store.begin(self.claim("m-1"), lease: .seconds(seconds)) == .begun)
            try await cluster.publish("News", id: "m-1")
            await cluster.clock.advance(by: .milliseconds(seconds * 1000 - 1))
            #expect(guarded.calls.elements == [])
            await cluster.clock.advance(by: .seconds(32))
            #expect(guarded.calls.elements == ["News"])
            #expect(guarded.attempts.elements == [1])
        }
    }

    @Test func aMessageThatWaitedHasAllItsAttemptsAndItsOwnFirstFailure() async throws {
        try await self.withStore {
            Guarded(Idempotency(store: $0, for: .seconds(3600)), .retry(upTo: 2, .fixed(.seconds(1)))) { _ in
                throw Boom(reason: "always")
            }
        } _: { cluster, guarded, store in
            _ = await store.begin(self.claim("m-1"), lease: .seconds(30))
            try await cluster.publish("News", id: "m-1")
            await cluster.clock.advance(by: .seconds(60))
            #expect(guarded.attempts.elements == [1, 2])
            let dead = try #require(try cluster.snapshot()[queue: Guarded.deadLetters]?.ready.first)
            let letter = try #require(DeadLetter(dead.properties.headers))
            #expect(letter.attempts == 2)
            #expect(letter.lastFailure - letter.firstFailure == 1)
            // Nothing is left of it in the store.
            #expect(store.count == 0)
        }
    }

    @Test func whatIsNotCalledIsNoCall() async throws {
        try await withServices(Guarded()) { cluster in
            for _ in 0..<3 { try await cluster.publish("News", id: "m-1") }
            try await cluster.waitUntilQuiet()
            #expect(cluster.calls.count == 1)
        }
    }

    @Test func aDuplicateIsLoggedWithItsMessageID() async throws {
        let log = LogRecorder()
        try await withServices(Guarded(), logger: log.logger) { cluster in
            for _ in 0..<2 { try await cluster.publish("News", id: "m-1") }
            let entry = try await log.entry(containing: "the message is done")
            #expect(entry.level == .debug)
            #expect(entry.metadata["message_id"] == "m-1")
        }
    }

    @Test func messagesWithoutAnIDAreHandledEachTimeAndTheLogSaysSoOnce() async throws {
        let log = LogRecorder()
        let guarded = Guarded()
        try await withServices(guarded, logger: log.logger) { cluster in
            for _ in 0..<3 { try await cluster.publish("News", id: "") }
            try await cluster.waitUntilQuiet()
            #expect(guarded.calls.elements == ["News", "News", "News"])
            #expect(log.entries.count { $0.message.contains("messages without an id") && $0.level == .warning } == 1)
        }
    }

    @Test func aKeyThatIsTooLongIsADeadLetterAndCannotFillTheMemory() async throws {
        let guarded = Guarded(.inMemory(for: .seconds(3600), by: \.title))
        try await withServices(guarded) { cluster in
            try await cluster.publish(String(repeating: "x", count: 1024), id: "fits")
            try await cluster.publish(String(repeating: "x", count: 1025), id: "does not")
            try await cluster.waitUntilQuiet()
            #expect(guarded.calls.elements.count == 1)
            let dead = try #require(try cluster.snapshot()[queue: Guarded.deadLetters]?.ready.first)
            let letter = try #require(DeadLetter(dead.properties.headers))
            #expect(letter.reason == .rejected)
            #expect(letter.error.contains("1025 bytes long"))
        }
    }

    @Test func aHandlerWithoutAParameterIsGuardedToo() async throws {
        struct Bell: Microservice {
            static let name = "bell"
            let rings = Shelf<Int>()
            var entrypoints: [any Entrypoint] {
                EventHandler("ring", of: "press", "published", idempotency: .inMemory(for: .seconds(60)), ring)
            }
            func ring() { self.rings.put(1) }
        }
        let bell = Bell()
        try await withServices(bell) { cluster in
            for _ in 0..<2 { try await cluster.publish("News", id: "m-1") }
            try await cluster.waitUntilQuiet()
            #expect(bell.rings.elements.count == 1)
        }
    }

    // MARK: - Order

    @Test func aMessageIsAcknowledgedWhenItIsNotedAsDoneAndNotBefore() async throws {
        let gate = Latch()
        let store = FaultyStore(gate: gate)
        let guarded = Guarded(Idempotency(store: store, for: .seconds(3600)))
        try await withServices(guarded) { cluster in
            try await cluster.publish("News", id: "m-1")
            await cluster.clock.advance(by: .seconds(60))
            #expect(guarded.calls.elements == ["News"])
            #expect(store.noted.elements.contains("complete"))
            #expect(try cluster.snapshot()[queue: Guarded.queue]?.unsettledCount == 1)
            gate.open()
            try await cluster.waitUntilQuiet()
            #expect(try cluster.snapshot()[queue: Guarded.queue]?.unsettledCount == 0)
        }
    }

    @Test func whatAHookCannotCommitIsNotDone() async throws {
        final class Session: DependencyProvider {
            let commits = Locked(0)
            func workerResult(_ context: WorkerContext, _ outcome: Outcome) async throws {
                let count = self.commits.withLock { count in
                    count += 1
                    return count
                }
                if count == 1 { throw Boom(reason: "cannot commit") }
            }
        }
        struct Books: Microservice {
            static let name = "books"
            let session = Session()
            let attempts = Shelf<Int>()
            var entrypoints: [any Entrypoint] {
                EventHandler("book", of: "press", "published", idempotency: .inMemory(for: .seconds(60)), book)
            }
            func book() { self.attempts.put(WorkerContext.current?.attempt ?? 0) }
        }
        let books = Books()
        try await withServices(books) { cluster in
            try await cluster.publish("News", id: "m-1")
            await cluster.clock.advance(by: .seconds(10))
            #expect(books.attempts.elements == [1, 2])
        }
    }

    @Test func aTimeoutGivesTheClaimBack() async throws {
        try await self.withStore {
            var guarded = Guarded(Idempotency(store: $0, for: .seconds(3600)), .retry(upTo: 2, .fixed(.seconds(1)))) {
                _ in
                if WorkerContext.current?.attempt == 1 { await Latch().wait() }
            }
            guarded.timeout = .seconds(10)
            return guarded
        } _: { cluster, guarded, store in
            try await cluster.publish("News", id: "m-1")
            await cluster.clock.advance(by: .seconds(11))
            #expect(guarded.attempts.elements == [1, 2])
        }
    }

    @Test func aCallThatIgnoresItsTimeoutKeepsItsMessageNoLongerThanALeaseAfterThat() async throws {
        let gate = Locked<CheckedContinuation<Void, Never>?>(nil)
        try await self.withStore {
            var guarded = Guarded(
                Idempotency(store: $0, for: .seconds(3600), lease: .seconds(30)),
                .retry(upTo: 2, .fixed(.seconds(1)))
            ) { _ in
                guard WorkerContext.current?.attempt == 1 else { return }
                await withCheckedContinuation { call in gate.withLock { $0 = call } }
            }
            guarded.timeout = .seconds(60)
            return guarded
        } _: { cluster, guarded, store in
            try await cluster.publish("News", id: "m-1")
            await cluster.clock.advance(by: .seconds(70))
            // Given up after 65 seconds, it still runs.
            #expect(guarded.attempts.elements == [1])
            await cluster.clock.advance(by: .seconds(60))
            #expect(guarded.attempts.elements == [1, 2])
            gate.withLock { $0 }?.resume()
            try await cluster.waitUntilQuiet()
            // Its end takes nothing away from the one that came after it.
            #expect(await store.begin(self.claim("m-1"), lease: .seconds(30)) == .done)
        }
    }

    // MARK: - Stores that fail

    @Test func aMessageIsNotHandledWithoutItsGuard() async throws {
        let store = FaultyStore(broken: ["begin"])
        let guarded = Guarded(Idempotency(store: store, for: .seconds(3600)), .retry(upTo: 5))
        let log = LogRecorder()
        try await withServices(guarded, logger: log.logger) { cluster in
            try await cluster.publish("News", id: "m-1")
            await cluster.clock.advance(by: .seconds(5))
            #expect(guarded.calls.elements == [])
            let entry = try await log.entry(containing: "its idempotency guard failed")
            #expect(entry.metadata["error"] == "OutOfOrder()")
            store.repair()
            await cluster.clock.advance(by: .seconds(60))
            #expect(guarded.attempts.elements == [4])
        }
    }

    /// As a library's does whose connection was closed: nobody has cancelled the call.
    @Test func aStoreThatThrowsACancellationOfItsOwnHasFailed() async throws {
        struct ClosedStore: IdempotencyStore {
            let asked = Shelf<Int>()
            func begin(_ claim: IdempotencyClaim, lease: Duration) async throws -> IdempotencyAnswer {
                asked.put(1)
                throw CancellationError()
            }
            func renew(_ claims: [IdempotencyClaim], lease: Duration) async throws {}
            func complete(_ claim: IdempotencyClaim) async throws -> Bool { true }
            func release(_ claim: IdempotencyClaim) async throws {}
        }
        let store = ClosedStore()
        let guarded = Guarded(Idempotency(store: store, for: .seconds(3600)), .retry(upTo: 3, .fixed(.seconds(1))))
        let log = LogRecorder()
        try await withServices(guarded, logger: log.logger) { cluster in
            try await cluster.publish("News", id: "m-1")
            await cluster.clock.advance(by: .seconds(10))
            #expect(store.asked.elements.count == 3)
            #expect(try cluster.snapshot()[queue: Guarded.deadLetters]?.ready.count == 1)
            #expect(log.entries.contains { $0.message.contains("its idempotency guard failed") })
        }
    }

    @Test func aMessageThatCannotBeNotedAsDoneIsNotHandledAgainForThat() async throws {
        let store = FaultyStore(broken: ["complete"])
        let guarded = Guarded(Idempotency(store: store, for: .seconds(3600)))
        let log = LogRecorder()
        try await withServices(guarded, logger: log.logger) { cluster in
            try await cluster.publish("News", id: "m-1")
            await cluster.clock.advance(by: .seconds(60))
            #expect(guarded.calls.elements == ["News"])
            #expect(try cluster.snapshot()[queue: Guarded.queue]?.unsettledCount == 0)
            let entry = try await log.entry(containing: "could not be noted as done")
            #expect(entry.level == .error)
            #expect(entry.metadata["message_id"] == "m-1")
        }
    }

    @Test func aStoreThatCannotBeOpenedKeepsTheServiceFromStarting() async throws {
        let store = FaultyStore(broken: ["open"])
        await #expect(throws: FaultyStore.OutOfOrder.self) {
            try await withServices(Guarded(Idempotency(store: store, for: .seconds(3600)))) { _ in }
        }
        #expect(store.noted.elements == ["open"])
    }

    // MARK: - Start

    private struct Single: Microservice {
        static let name = "single"
        let idempotency: Idempotency<Published>
        var entrypoints: [any Entrypoint] { EventHandler("once", idempotency: self.idempotency) { (_: Published) in } }
    }

    private static let store = InMemoryIdempotencyStore()

    @Test(arguments: [
        (Idempotency<Published>.inMemory(for: .zero), "is to remember messages for 0.0 seconds"),
        (.inMemory(for: .seconds(-1)), "is to remember messages for -1.0 seconds"),
        (.inMemory(for: .seconds(Int64.max)), "is to remember messages for"),
        (.inMemory(for: .seconds(1), atMost: 0), "is to remember at most 0 messages"),
        (Idempotency(store: Self.store, for: .seconds(1), lease: .milliseconds(999)), "has claims with a lease of"),
        (Idempotency(store: Self.store, for: .seconds(1), lease: .seconds(3601)), "has claims with a lease of"),
    ])
    func aGuardThatCannotWorkIsRefused(_ idempotency: Idempotency<Published>, _ reason: String) throws {
        let error = try #require(throws: ConfigurationError.self) {
            try ServiceHost(
                broker: InProcessBroker(),
                services: [Single(idempotency: idempotency)],
                logger: TestBroker.silent
            )
        }
        #expect(error.message.contains(reason))
        #expect(error.message.hasPrefix("event handler 'once' of service 'single'"))
    }

    @Test func aHandlerWithoutRetriesHasAPlaceToWaitAllTheSame() async throws {
        try await self.withStore {
            Guarded(Idempotency(store: $0, for: .seconds(3600)), .discard)
        } _: { cluster, guarded, store in
            _ = await store.begin(self.claim("m-1"), lease: .seconds(30))
            try await cluster.publish("News", id: "m-1")
            await cluster.clock.advance(by: .seconds(60))
            #expect(guarded.calls.elements == ["News"])
        }
    }
}
