import EnokiBroker
import Testing

@testable import EnokiAMQP

@Suite struct WireFaultScheduleTests {
    @Test func stepsAreCountedOverAllConnections() {
        let fault = WireFault.lose(.sends(.basicAck, 3))
        var schedule = WireFaultSchedule([fault])
        let (first, second) = (schedule.connect(), schedule.connect())
        #expect(schedule.step(.sends(.basicAck), on: first).isEmpty)
        #expect(schedule.step(.receives(.basicAck), on: first).isEmpty)
        #expect(schedule.step(.sends(.basicAck), on: second).isEmpty)
        #expect(schedule.step(.sends(.basicAck), on: first) == [fault])
        #expect(schedule.step(.sends(.basicAck), on: first).isEmpty)
        #expect(schedule.occurred == [fault])
    }

    @Test func aFaultOfOneConnectionCountsItsStepsAlone() {
        let fault = WireFault.lose(.receives(.basicAck, 2)).onConnection(2)
        var schedule = WireFaultSchedule([fault])
        let (first, second) = (schedule.connect(), schedule.connect())
        for _ in 0..<3 { #expect(schedule.step(.receives(.basicAck), on: first).isEmpty) }
        #expect(schedule.step(.receives(.basicAck), on: second).isEmpty)
        #expect(schedule.step(.receives(.basicAck), on: second) == [fault])
    }

    @Test func aFaultOfANameCountsTheStepsOfAllThatHaveIt() {
        let fault = WireFault.reset(before: .sends(.basicDeliver, 2)).on("worker")
        var schedule = WireFaultSchedule([fault])
        let (first, second) = (schedule.connect(), schedule.connect())
        let name = ByteName("worker")
        #expect(schedule.step(.sends(.basicDeliver), on: first, name: ByteName("other")).isEmpty)
        #expect(schedule.step(.sends(.basicDeliver), on: first).isEmpty)
        #expect(schedule.step(.sends(.basicDeliver), on: first, name: name).isEmpty)
        #expect(schedule.step(.sends(.basicDeliver), on: second, name: name) == [fault])
    }

    @Test func whereAConnectionEndsBeforeAStepNothingElseHappens() {
        let end = WireFault.close(before: .sends(.heartbeat))
        var schedule = WireFaultSchedule([.lose(.sends(.heartbeat)), end, .silence(after: .sends(.heartbeat))])
        #expect(schedule.step(.sends(.heartbeat), on: schedule.connect()) == [end])
        #expect(schedule.occurred == [end])
    }

    /// All that happens on some connections, which do their steps by turns, or one after the other.
    private func run(_ plan: WireFaultPlan, byTurns: Bool) -> [Int: [WireFault]] {
        var schedule = WireFaultSchedule(plan)
        let connections = (0..<4).map { _ in schedule.connect() }
        var faults: [Int: [WireFault]] = [:]
        func step(_ number: Int, on connection: Int) {
            let events: [WireFault.Step.Event] = [
                .accepts, .receives(.basicPublish), .receives(.contentHeader), .sends(.basicAck), .sends(.heartbeat),
            ]
            faults[connection, default: []] += schedule.step(events[number % 5], on: connection, size: 40)
        }
        if byTurns {
            for number in 0..<100 { for connection in connections { step(number, on: connection) } }
        } else {
            for connection in connections { for number in 0..<100 { step(number, on: connection) } }
        }
        return faults
    }

    @Test(arguments: 0..<50 as Range<UInt64>) func aSeedPicksTheSameWhoeverIsFirst(seed: UInt64) {
        let plan = WireFaultPlan.random(seed: seed, rate: 0.2, kinds: .all)
        let faults = self.run(plan, byTurns: true)
        #expect(faults == self.run(plan, byTurns: false))
        #expect(faults.values.reduce(0) { $0 + $1.count } > 20)
        #expect(faults != self.run(.random(seed: seed + 1, rate: 0.2, kinds: .all), byTurns: true))
    }

    @Test func whatOccurredIsAPlanThatDoesTheSame() {
        let chosen = WireFaultPlan.random(seed: 7, rate: 0.1, kinds: .all)
        let faults = self.run(chosen, byTurns: true)
        let plan = WireFaultPlan(faults.sorted { $0.key < $1.key }.flatMap(\.value))
        #expect(self.run(plan, byTurns: true) == faults)
    }

    @Test func theRateIsHowManyStepsHaveAFault() {
        var schedule = WireFaultSchedule(.random(seed: 1, rate: 0.02))
        let connection = schedule.connect()
        for _ in 0..<10_000 { _ = schedule.step(.sends(.basicAck), on: connection, size: 21) }
        #expect((150...250).contains(schedule.occurred.count))
    }

    @Test func everyKindIsPicked() {
        var schedule = WireFaultSchedule(.random(seed: 1, rate: 1, kinds: .all))
        let connection = schedule.connect()
        for _ in 0..<500 { _ = schedule.step(.sends(.contentHeader), on: connection, size: 30) }
        let names = Set(schedule.occurred.map { "\($0)".prefix { $0 != "(" } })
        let expected: Set<Substring> = [
            ".close", ".reset", ".halfClose", ".cut", ".delay", ".wrongEnd", ".wrongSize", ".announceBody", ".flip",
            ".lose",
            ".duplicate", ".inject", ".silence", ".blackhole", ".stopHeartbeats", ".throttle", ".blockPublishers",
        ]
        #expect(names == expected)
    }

    @Test func whereThereIsNoFrameNothingHappensToIt() {
        let kinds: WireFaultPlan.Kind = [.cuts, .flips, .losses, .duplicates, .delays, .wrongEnds, .wrongSizes]
        var schedule = WireFaultSchedule(.random(seed: 1, rate: 1, kinds: kinds))
        for _ in 0..<50 { #expect(schedule.step(.accepts, on: schedule.connect()).isEmpty) }
    }

    @Test func aFaultIsWrittenAsInAPlan() {
        let faults: [(WireFault, String)] = [
            (.close(before: .accepts()), ".close(before: .accepts(1))"),
            (.reset(after: .sends(.connectionTune)), ".reset(after: .sends(.connectionTune, 1))"),
            (.halfClose(after: .receives(.basicAck, 2)), ".halfClose(after: .receives(.basicAck, 2))"),
            (.cut(.sends(.contentBody), afterBytes: 9), ".cut(.sends(.contentBody, 1), afterBytes: 9)"),
            (.delay(.sends(.basicAck), by: .seconds(2)), ".delay(.sends(.basicAck, 1), by: .milliseconds(2000))"),
            (.wrongSize(of: .sends(.basicAck), by: -1), ".wrongSize(of: .sends(.basicAck, 1), by: -1)"),
            (.announceBody(of: 1 << 62, in: .sends(2)), ".announceBody(of: 4611686018427387904, in: .sends(2))"),
            (.inject([1, 2], after: .accepts(2)), ".inject([1, 2], after: .accepts(2))"),
            (.blockPublishers(after: .accepts(1)), ".blockPublishers(after: .accepts(1))"),
            (.silence(after: .accepts(1)).onConnection(3), ".silence(after: .accepts(1)).onConnection(3)"),
            (.lose(.sends(.heartbeat)).on("a b"), #".lose(.sends(.heartbeat, 1)).on("a b")"#),
        ]
        for (fault, text) in faults { #expect("\(fault)" == text) }
    }

    @Test func aFrameThatIsInjectedIsWhole() {
        let fault = WireFault.injectFrame(type: 8, channel: 258, payload: [7], after: .accepts())
        #expect(fault == .inject([8, 1, 2, 0, 0, 0, 1, 7, 0xCE], after: .accepts()))
    }

    @Test func everyMethodIsAKindOfFrame() {
        let kinds = WireFault.FrameKind.allCases.filter { $0.rawValue > 0xFFFF }
        for kind in kinds { #expect("\(kind)" == MethodID(rawValue: kind.rawValue).map { "\($0)" }) }
        #expect(kinds.count == 66)
    }
}
