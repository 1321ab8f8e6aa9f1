import EnokiTestSupport
import Testing

@testable import EnokiTesting

@Suite struct WithServicesTests {
    struct Rang: Event {
        static let source = "door"
        static let type = "rang"
        var times: Int
    }

    struct House: Microservice {
        static let name = "house"
        var answers = Answers()
        var entrypoints: [any Entrypoint] {
            RPC("knock") { "who is there?" }
            EventHandler("on_ring") { (_: Rang) in }
            EventHandler("on_alarm", of: "door", "alarm", mode: .broadcast) { () in throw Fire() }
            Timer("clean", every: .seconds(60)) {}
        }
    }

    final class Answers: DependencyProvider {
        func dependency(for context: WorkerContext) async throws -> Int { 42 }
    }

    struct Fire: Error {}

    @Test func aTestCallsAndDispatches() async throws {
        try await withServices(House()) { cluster in
            let rang = cluster.expect(House.self, "on_ring")
            let answer: String = try await cluster.rpc("house").knock()
            #expect(answer == "who is there?")
            try await cluster.dispatch(Rang(times: 2))
            #expect(try await rang.value().entrypoint == "on_ring")
        }
    }

    @Test func anExpectationSeesOnlyWhatComesAfterIt() async throws {
        try await withServices(House()) { cluster in
            try await cluster.dispatch(Rang(times: 1))
            await cluster.clock.advance(by: .zero)
            #expect(cluster.calls.map(\.entrypoint) == ["on_ring"])
            let second = cluster.expect(House.self, "on_ring", within: .milliseconds(50))
            await #expect(throws: ExpectationError.self) { try await second.value() }
        }
    }

    @Test func anExpectationCountsOnlyWhatItIsAsked() async throws {
        try await withServices(House(), House()) { cluster in
            let ofTheSecond = cluster.expect(House.self, "on_alarm") { $0.instance == 1 }
            try await cluster.dispatch(from: "door", "alarm", true)
            let calls = try await ofTheSecond.values()
            #expect(calls.map(\.instance) == [1])
        }
    }

    @Test func anExpectationThrowsTheErrorOfTheCall() async throws {
        try await withServices(House()) { cluster in
            let alarm = cluster.expect(House.self, "on_alarm")
            try await cluster.dispatch(from: "door", "alarm", true)
            await #expect(throws: Fire.self) { try await alarm.value() }
        }
    }

    @Test func anExpectationThatIsNotMetSaysWhatHappenedInstead() async throws {
        try await withServices(House()) { cluster in
            let rang = cluster.expect(House.self, "on_ring", count: 2, within: .milliseconds(50))
            let _: String = try await cluster.rpc("house", timeout: .seconds(10)).knock()
            try await cluster.dispatch(Rang(times: 1))
            let error = await #expect(throws: ExpectationError.self) { try await rang.values() }
            let text = error?.description ?? ""
            #expect(text.contains("expected house.on_ring to be called 2 times"))
            #expect(text.contains("house.knock on instance 0 succeeded"))
        }
    }

    @Test func anExpectationOfWhatCannotComeFailsAtOnceAndSaysWhatThereIs() async throws {
        try await withServices(House(), patience: .seconds(3600)) { cluster in
            let misspelt = await #expect(throws: ExpectationError.self) {
                try await cluster.expect(House.self, "on_rang").value()
            }
            #expect(
                misspelt?.description
                    == "service 'house' has no entrypoint 'on_rang': did you mean 'on_ring'? It has clean, knock, "
                    + "on_alarm, on_ring"
            )
            struct Garden: Microservice {
                static let name = "garden"
                var entrypoints: [any Entrypoint] { Once("grow") {} }
            }
            await #expect(throws: ExpectationError.self) { try await cluster.expect(Garden.self, "grow").value() }
        }
    }

    @Test func servicesOfOneNameAreInstancesAndOthersShareAProcess() async throws {
        struct Neighbour: Microservice {
            static let name = "neighbour"
            var entrypoints: [any Entrypoint] {
                EventHandler("on_alarm", of: "door", "alarm", mode: .broadcast) {}
            }
        }
        try await withServices(House(), Neighbour(), House()) { cluster in
            let houses = cluster.expect(House.self, "on_alarm", count: 2)
            let neighbours = cluster.expect(Neighbour.self, "on_alarm")
            try await cluster.dispatch(from: "door", "alarm", true)
            #expect(try await Set(houses.values().map(\.instance)) == [0, 1])
            #expect(try await neighbours.value().instance == 0)
        }
    }

    @Test func timeStandsStillUntilTheTestMovesIt() async throws {
        try await withServices(House()) { cluster in
            await cluster.clock.advance(by: .milliseconds(59_999))
            #expect(cluster.calls.isEmpty)
            await cluster.clock.advance(by: .milliseconds(60_001))
            #expect(cluster.calls.map(\.entrypoint) == ["clean", "clean"])
        }
    }

    @Test func anAdvanceWaitsForAllThatItSetsOff() async throws {
        struct Relay: Microservice {
            static let name = "relay"
            let relay = RPCProxy("relay")
            let events = EventDispatcher()
            var entrypoints: [any Entrypoint] {
                RPC("pass", "left") { (left: Int) -> Int in
                    if left == 0 { return 0 }
                    let passed: Int = try await relay.pass(left: left - 1)
                    return passed + 1
                }
                Timer("start", every: .seconds(1)) {
                    let passed: Int = try await relay.pass(left: 5)
                    try await events.dispatch("passed", passed)
                }
                EventHandler("on_passed", of: "relay", "passed") { (_: Int) in }
            }
        }
        try await withServices(Relay(), Relay()) { cluster in
            await cluster.clock.advance(by: .seconds(3))
            let calls = cluster.calls.map(\.entrypoint)
            #expect(calls.count { $0 == "start" } == 6)
            #expect(calls.count { $0 == "pass" } == 36)
            #expect(calls.count { $0 == "on_passed" } == 6)
        }
    }

    /// What two instances of two services do, in order, and what is written at each step.
    private func trace(seed: UInt64?) async throws -> [String] {
        struct Yard: Microservice {
            static let name = "yard"
            let house = RPCProxy("house")
            var entrypoints: [any Entrypoint] {
                EventHandler("on_alarm", of: "door", "alarm") {
                    for _ in 0..<2 { let _: String = try await house.knock() }
                }
                Timer("clean", every: .seconds(30)) {}
            }
        }
        return try await withServices(House(), House(), Yard(), Yard(), predictableCallIDs: true, seed: seed) {
            cluster in
            #expect(cluster.clock.seed == seed)
            for times in 0..<3 {
                try await cluster.dispatch(from: "door", "alarm", true)
                try await cluster.dispatch(Rang(times: times))
            }
            await cluster.clock.advance(by: .seconds(60))
            return cluster.calls.map { "\($0)" }
        }
    }

    @Test func theSameSeedGivesTheSameRunAndAnotherSeedAnother() async throws {
        var traces: Set<[String]> = []
        for seed in UInt64(0)..<100 {
            let first = try await self.trace(seed: seed)
            #expect(try await self.trace(seed: seed) == first)
            // What happens does not depend on the order in which it does.
            #expect(first.count == 24)
            traces.insert(first)
        }
        #expect(traces.count > 50)
        #expect(try await self.trace(seed: nil) == self.trace(seed: nil))
    }

    @Test func whatTheBodyReturnsIsReturnedAndWhatItThrowsIsThrown() async throws {
        #expect(try await withServices(House()) { _ in 7 } == 7)
        await #expect(throws: Fire.self) { try await withServices(House()) { _ in throw Fire() } }
    }

    @Test func servicesThatCannotStartFailTheTestWithTheirError() async throws {
        struct Broken: Microservice {
            static let name = "broken"
            let provider = Failing()
            var entrypoints: [any Entrypoint] { Once("noop") {} }
        }
        final class Failing: DependencyProvider {
            func setup(_ container: ServiceContainer) async throws { throw Fire() }
        }
        await #expect(throws: Fire.self) {
            try await withServices(House(), Broken()) { _ in Issue.record("the body ran") }
        }
        await #expect(throws: ConfigurationError.self) {
            try await withServices(TwiceTheSame()) { _ in Issue.record("the body ran") }
        }
    }

    struct TwiceTheSame: Microservice {
        static let name = "twice"
        var entrypoints: [any Entrypoint] {
            Once("same") {}
            Once("same") {}
        }
    }

    @Test func aHandlerThatNeverEndsIsCancelledAndFailsTheTest() async throws {
        struct Stuck: Microservice {
            static let name = "stuck"
            let entered = Latch()
            let wasCancelled = Latch()
            var entrypoints: [any Entrypoint] {
                Once("hang") {
                    entered.open()
                    do {
                        try await ContinuousClock().sleep(for: .seconds(3600))
                    } catch {
                        wasCancelled.open()
                    }
                }
            }
        }
        let stuck = Stuck()
        let error = await #expect(throws: ExpectationError.self) {
            try await withServices(stuck, predictableCallIDs: true, patience: .milliseconds(50)) { _ in
                await stuck.entered.wait()
            }
        }
        #expect(
            error?.description == """
                at the end of the test the services did not stop within 0.05 seconds: a call is still running, which may \
                wait for something that the test must give it, such as time; it was cancelled

                no call has ended
                calls that are still running:
                  stuck.hang on instance 0 (stuck.hang.0)
                """
        )
        #expect(stuck.wasCancelled.isOpen)
    }

    @Test func servicesThatDoNotStartFailTheTest() async throws {
        final class Waiting: DependencyProvider {
            func setup(_ container: ServiceContainer) async throws {
                try await ContinuousClock().sleep(for: .seconds(3600))
            }
        }
        struct Late: Microservice {
            static let name = "late"
            let waiting = Waiting()
            var entrypoints: [any Entrypoint] { Once("noop") {} }
        }
        let error = await #expect(throws: ExpectationError.self) {
            try await Cluster.$leastStartPatience.withValue(.zero) {
                try await withServices(Late(), patience: .milliseconds(50)) { _ in }
            }
        }
        #expect(
            error?.description.hasPrefix("the services did not start within 0.05 seconds: a `setup` may wait") == true
        )
    }

    @Test func aReplacementThatReplacesNothingIsRefused() async throws {
        struct Visitor: Microservice {
            static let name = "visitor"
            var answers: Answers { Answers() }
            var entrypoints: [any Entrypoint] { Once("noop") {} }
        }
        await #expect(throws: ConfigurationError.self) {
            try await withServices(House(), replacing: [Replacement(\Visitor.answers, with: 1)]) { _ in }
        }
        await #expect(throws: ConfigurationError.self) {
            try await withServices(Visitor(), replacing: [Replacement(\Visitor.answers, with: 1)]) { _ in }
        }
    }

    @Test func aReplacementOfAProviderThatIsUsedDirectlyIsRefused() async throws {
        let error = await #expect(throws: ConfigurationError.self) {
            try await withServices(Shop.Orders(), replacing: [Replacement(\Shop.Orders.payments, with: ())]) { _ in }
        }
        #expect(
            error?.message == "a replacement is for a RPCProxy of Orders, which gives no value to workers but is used "
                + "directly: replace it where the service is made, or, if it is an RPCProxy, answer its calls with `stubbing`"
        )
    }

    @Test func severalValuesAreReplacedAtOnce() async throws {
        struct Twofold: Microservice {
            static let name = "twofold"
            let left = Answers()
            let right = Answers()
            var entrypoints: [any Entrypoint] { Dummy("both") { try [left.current, right.current] } }
        }
        let replacements = [Replacement(\Twofold.left, with: 1), Replacement(\Twofold.right, with: 2)]
        try await withServices(Twofold(), replacing: replacements) { cluster in
            let both: [Int] = try await cluster.entrypoint(Twofold.self, "both")()
            #expect(both == [1, 2])
        }
    }

    @Test func manyClustersRunSideBySide() async throws {
        try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<1000 {
                // A thousand at once may take their time.
                group.addTask {
                    try await withServices(House(), patience: .seconds(120)) { try await $0.rpc("house").knock() }
                }
            }
            for try await answer in group { #expect(answer == "who is there?") }
        }
    }
}
