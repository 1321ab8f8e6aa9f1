import EnokiBroker
import EnokiTestSupport
import Foundation
import Testing

/// Ways through the broker that nobody has thought of: chosen by a seed, gone on the in-process broker first, and then on
/// RabbitMQ, where each step must come to the same.
@Suite(.timeLimit(.minutes(5))) struct RandomConformanceTests {
    private struct Step {
        let channel: Int
        let method: AMQPMethod
        let observation: RandomRun.Observation
    }

    /// `ENOKI_TEST_SEEDS=100-200` goes other ways than the usual ones.
    private static let seeds: ClosedRange<UInt64> = {
        let text = ProcessInfo.processInfo.environment["ENOKI_TEST_SEEDS"] ?? "1-12"
        let bounds = text.split(separator: "-").compactMap { UInt64($0) }
        guard let first = bounds.first, let last = bounds.last, first <= last else { return 1...12 }
        return first...last
    }()

    private static let stepsOfAWay = 100

    @Test(arguments: Array(seeds))
    func aRandomWayIsTheSameOnBothBrokers(seed: UInt64) async throws {
        let (steps, contents) = try await TestBroker.inProcess.withPeer { try await self.go(seed, on: $0) }
        for broker in [TestBroker.amqpPort, .rabbitMQ] {
            try await broker.withPeer { try await self.follow(steps, contents, on: $0) }
        }
    }

    /// Goes the way of `seed`.
    private func go(_ seed: UInt64, on peer: any AMQPPeer) async throws -> (steps: [Step], contents: [String]) {
        var ways = RandomWays(seed: seed)
        var steps: [Step] = []
        let run = try await RandomRun(peer)
        var beginnings = ways.beginnings()
        for number in 0..<Self.stepsOfAWay {
            // RabbitMQ 3.10 fails where what a deleted queue delivered is settled when there is a new one of its name.
            let stale = run.channelsWithDeliveriesOfNoQueue.first
            // The channels are closed one by one in the end, so that it is told what becomes of what they hold.
            let last = number - (Self.stepsOfAWay - RandomWays.channels)
            let channel = stale ?? (last >= 0 ? last : ways.channel())
            let method: AMQPMethod =
                if stale != nil || last >= 0 {
                    .channelClose
                } else if !beginnings.isEmpty {
                    beginnings.removeFirst()
                } else {
                    ways.next(on: channel, unsettled: run.unsettled[channel])
                }
            var observation = try await run.perform(method, on: channel)
            try await run.observe(&observation)
            steps.append(Step(channel: channel, method: method, observation: observation))
            for channel in try await run.reopen() { ways.reset(channel) }
        }
        return (steps, try await run.contents())
    }

    /// Goes the same way, and waits after each step until the broker has done what it should.
    private func follow(_ steps: [Step], _ contents: [String], on peer: any AMQPPeer) async throws {
        let run = try await RandomRun(peer)
        for (number, step) in steps.enumerated() {
            var observation = try await run.perform(step.method, on: step.channel)
            try await run.observe(&observation)
            let deadline = ContinuousClock.now.advanced(by: .seconds(5))
            while observation != step.observation, ContinuousClock.now < deadline {
                try await ContinuousClock().sleep(for: .milliseconds(2))
                try await run.observe(&observation)
            }
            guard observation == step.observation else {
                let way = steps[...number].dropLast().flatMap { ["\($0.channel): \($0.method)"] + $0.observation.lines }
                let lines =
                    ["The in-process broker, up to step \(number):"] + way + ["\(step.channel): \(step.method)"]
                    + step.observation.lines + ["RabbitMQ:"] + observation.lines
                Issue.record("\(lines.joined(separator: "\n"))")
                return
            }
            _ = try await run.reopen()
        }
        let found = try await run.contents()
        guard found != contents else { return }
        let way = steps.flatMap { ["\($0.channel): \($0.method)"] + $0.observation.lines }
        let lines = way + ["The in-process broker has in the end:"] + contents + ["RabbitMQ:"] + found
        Issue.record("\(lines.joined(separator: "\n"))")
    }
}
