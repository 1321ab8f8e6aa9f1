import ArgumentParser
import EnokiTestSupport
import Foundation

/// The chaos driver: runs services as processes, hurts them and their broker, and says whether the promises were kept.
@main struct Chaos: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chaos",
        abstract: "Hurt services and their broker, and see whether the promises hold.",
        subcommands: [RunGoals.self, ListGoals.self]
    )
}

/// `list`
struct ListGoals: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "Say which goals there are.")

    func run() { for goal in Goals.all { print("\(goal.name): \(goal.summary)") } }
}

/// `run`
struct RunGoals: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run goals, all of them where none is named, each on a broker of its own.",
        discussion: "Ends with 1 when one does not hold. The same seed makes the same plan again."
    )

    @Argument(help: "The goals.") var goals: [String] = []
    @Option(help: "What all choices come from; a random one without it.") var seed: UInt64?
    @Flag(help: "The long sizes, of some minutes each.") var long = false

    func validate() throws {
        for name in self.goals where Goals.named(name) == nil {
            throw ValidationError("there is no goal '\(name)'; `chaos list` says which there are")
        }
    }

    func run() async throws {
        // Unlike `print`, it can be followed where it goes to a file.
        let say: @Sendable (String) -> Void = { FileHandle.standardOutput.write(Data(($0 + "\n").utf8)) }
        let chosen = self.goals.isEmpty ? Goals.all : self.goals.compactMap(Goals.named)
        var failed = false
        for goal in chosen {
            let seed = self.seed ?? .random(in: 0...999_999)
            let verdict = try await RabbitMQNode.with { node in
                try await GoalRunner.run(goal, on: node, seed: seed, size: self.long ? .long : .short, say: say)
            }
            if !verdict.isGood { failed = true }
        }
        if failed { throw ExitCode.failure }
    }
}
