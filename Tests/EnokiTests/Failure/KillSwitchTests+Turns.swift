import EnokiInProcess
import EnokiTestSupport
import EnokiTesting
import Testing

@testable import Enoki

/// What has its turn in a pause.
extension KillSwitchTests {
    @Test func whatIsTurnedBackGivesItsPlaceBehindALimitBack() async throws {
        struct Limited: Microservice {
            static let name = "limited"
            let calls = Shelf<String>()
            let isAway = Locked(true)
            var entrypoints: [any Entrypoint] {
                let policy = FailurePolicy.discard.pausing(KillSwitch(of: 3, pause: .seconds(1), upTo: .seconds(1)))
                EventHandler("index", onFailure: policy, timeout: .seconds(5), concurrency: 2) { (event: Published) in
                    calls.put(event.title)
                    if isAway.withLock({ $0 }) { throw Away() }
                }
            }
        }
        let limited = Limited()
        try await withServices(limited) { cluster in
            try await self.dispatch(20, on: cluster)
            await cluster.clock.advance(by: .milliseconds(500))
            #expect(limited.calls.elements.count <= 4)
            // Each try ends, and so does its place behind the limit.
            await cluster.clock.advance(by: .seconds(3))
            let tried = limited.calls.elements.count
            #expect((6...8).contains(tried), "\(tried)")
            limited.isAway.withLock { $0 = false }
            await cluster.clock.advance(by: .seconds(2))
            #expect(limited.calls.elements.count == 20)
            #expect(Set(limited.calls.elements).count == 20)
        }
    }

    /// One that has come back twice had the one place of the quarantine when the pause began: it is put off, and the place is free.
    @Test func whatHasComeBackAndWaitsForAWorkerWhenAPauseBeginsLeavesItsPlace() async throws {
        struct Library: Microservice {
            static let name = "library"
            let indexer: Indexer
            let gate = Latch()
            let seen = Shelf<String>()
            var entrypoints: [any Entrypoint] {
                EventHandler("hold") { (event: Published) in
                    seen.put(event.title)
                    await gate.wait()
                }
                EventHandler("other") { (event: Published) in seen.put(event.title) }
                indexer.entrypoints
            }
        }
        let policy = FailurePolicy.discard.pausing(KillSwitch(of: 5, pause: .seconds(60), upTo: .seconds(60)))
        let library = Library(indexer: Indexer(policy: policy, timeout: .seconds(5)))
        var settings = ServiceSettings()
        settings.maxWorkers = 1
        settings.prefetch = 10
        try await withServices(library, settings: settings) { cluster in
            func bring(_ title: String, to handler: String, redeliveries: Int?) async throws {
                let queue = "evt-press-published--library.\(handler)"
                let message = Message.published(title, redeliveries: redeliveries)
                try await cluster.broker.publish(message, to: "", routingKey: queue)
            }
            // The worker is taken, so that all that follow wait for it.
            try await bring("a", to: "hold", redeliveries: nil)
            await cluster.clock.advance(by: .zero)
            for number in 1...5 { try await bring("\(number)", to: "index", redeliveries: nil) }
            try await bring("r", to: "index", redeliveries: 2)
            await cluster.clock.advance(by: .seconds(2))
            library.gate.open()
            await cluster.clock.advance(by: .milliseconds(500))
            #expect(library.indexer.calls.withLock { $0 } == 5)
            #expect(try cluster.snapshot()[queue: "evt-press-published--library.index"]?.unsettledCount == 0)
            try await bring("s", to: "other", redeliveries: 2)
            await cluster.clock.advance(by: .seconds(2))
            #expect(library.seen.elements.last == "s")
        }
    }
}
