import Enoki
import EnokiTestSupport
import EnokiTesting
import Logging
import ServiceLifecycle
import Testing

/// When the hooks of dependency providers run, and what their failures mean.
@Suite struct ProviderHooksTests {
    @Test func theHooksOfAProviderRunInOrder() async throws {
        let journal = Journal(diary: Diary("diary"))
        try await withServices(journal) { cluster in
            let value: String = try await cluster.rpc("journal").value()
            #expect(value == "for value")
        }
        #expect(
            journal.diary.entries.elements == [
                "setup", "start", "dependency", "workerSetup", "method", "workerResult", "workerTeardown", "stop",
            ]
        )
    }

    @Test func aFailedCallIsToldToTheProvider() async throws {
        let journal = Journal(diary: Diary("diary"))
        try await withServices(journal) { cluster in
            await #expect(throws: RemoteError.self) { let _: String = try await cluster.rpc("journal").boom() }
        }
        #expect(
            journal.diary.entries.elements == [
                "setup", "start", "dependency", "workerSetup", "workerResult of an error", "workerTeardown", "stop",
            ]
        )
    }

    @Test(arguments: ["dependency", "workerSetup", "workerResult"])
    func aHookThatFailsFailsTheCallAndNotTheService(_ hook: String) async throws {
        let journal = Journal(diary: Diary("diary", failing: hook))
        try await withServices(journal) { cluster in
            for _ in 0..<2 {
                let error = await #expect(throws: RemoteError.self) {
                    let _: String = try await cluster.rpc("journal").value()
                }
                #expect(error?.value.contains("diary \(hook)") == true)
            }
        }
        #expect(journal.diary.entries.elements.last == "stop")
    }

    /// Two providers, the second of which fails.
    private struct Pair: Microservice {
        static let name = "pair"
        let first = Diary("first")
        let second: Diary
        var entrypoints: [any Entrypoint] { RPC("value") { 1 } }
    }

    @Test(arguments: ["dependency", "workerSetup"])
    func whatOneProviderMadeIsTornDownWhenAnotherFails(_ hook: String) async throws {
        let pair = Pair(second: Diary("second", failing: hook))
        try await withServices(pair) { cluster in
            await #expect(throws: RemoteError.self) { let _: Int = try await cluster.rpc("pair").value() }
        }
        #expect(pair.first.entries.elements.contains("workerTeardown"))
        // It made its value before it failed in its setup.
        #expect(pair.second.entries.elements.contains("workerTeardown") == (hook == "workerSetup"))
    }

    @Test func aTeardownThatFailsChangesNothing() async throws {
        let journal = Journal(diary: Diary("diary", failing: "workerTeardown"))
        try await withServices(journal) { cluster in
            let value: String = try await cluster.rpc("journal").value()
            #expect(value == "for value")
        }
    }

    @Test func whoWaitsForAStartThatFailsGetsItsError() async throws {
        let host = try ServiceHost(
            broker: InProcessBroker(),
            services: [Journal(diary: Diary("diary", failing: "setup"))],
            logger: TestBroker.silent
        )
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await #expect(throws: Boom.self) { try await host.run() } }
            await #expect(throws: Boom.self) { try await host.waitUntilStarted() }
        }
    }

    @Test func whoWaitsForTheStartOfAHostThatIsStoppedIsTold() async throws {
        let host = try ServiceHost(broker: InProcessBroker(), logger: TestBroker.silent)
        host.stop()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await #expect(throws: Never.self) { try await host.run() } }
            await #expect(throws: BrokerError.self) { try await host.waitUntilStarted() }
        }
    }

    @Test(arguments: ["setup", "start"]) func aProviderThatCannotStartStopsTheHost(_ hook: String) async throws {
        let journal = Journal(diary: Diary("diary", failing: hook))
        let other = Diary("other")
        struct Peer: Microservice {
            static let name = "peer"
            let diary: Diary
            var dependencies: [any DependencyProvider] { [diary] }
            var entrypoints: [any Entrypoint] {}
        }
        await #expect(throws: Boom.self) {
            try await withServices(journal, Peer(diary: other)) { _ in Issue.record("it started") }
        }
        #expect(other.entries.elements.last == "stop")
        #expect(journal.diary.entries.elements == (hook == "setup" ? ["setup"] : ["setup", "start", "stop"]))
    }

    @Test func aReplacedValueStandsInForTheProvider() async throws {
        let journal = Journal(diary: Diary("diary"))
        try await withServices(journal, replacing: [Replacement(\Journal.diary, with: "replaced")]) { cluster in
            let value: String = try await cluster.rpc("journal").value()
            #expect(value == "replaced")
        }
        #expect(journal.diary.entries.elements == ["method"])
    }

    @Test func aProvidersBackgroundTaskThatFailsEndsTheHost() async throws {
        final class Watch: DependencyProvider {
            let alarm = Latch()
            func run() async throws {
                await self.alarm.wait()
                throw Boom(reason: "watch")
            }
        }
        struct Watched: Microservice {
            static let name = "watched"
            let watch = Watch()
            var entrypoints: [any Entrypoint] { Once("noop") {} }
        }
        let watched = Watched()
        await #expect(throws: Boom.self) {
            try await withServices(watched) { cluster in
                watched.watch.alarm.open()
                try await cluster.expect(Watched.self, "noop", count: 1000).values()
            }
        }
    }
}
