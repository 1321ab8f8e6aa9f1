import ArgumentParser
import Enoki

/// `dead-letters discard`: removes messages for good.
struct DiscardLettersCommand<Owner: Program>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "discard",
            abstract: "Remove dead letters for good.",
            discussion: """
                Says which they are and asks, unless --yes was given. A choice is needed, or --all. What comes after the \
                question is not removed. With --all nothing is removed while somebody else has the queue, such as a \
                replay: what it holds would come back later.
                """
        )
    }

    @Argument(help: ArgumentHelp("The queue.", valueName: "queue"))
    var queue: String

    @OptionGroup var selection: SelectionOptions

    @Flag(help: "All of them.")
    var all = false

    @Flag(help: "With --all: remove what is here, though somebody else has the queue and may hold others.")
    var besideOthers = false

    @Flag(help: "Do not ask.")
    var yes = false

    @OptionGroup var options: DeadLetterOptions

    func validate() throws {
        switch (self.all, self.selection.selection.isAll) {
        case (false, true): throw ValidationError("say which: --id, --reason, --entrypoint, --older-than, or --all")
        case (true, false): throw ValidationError("--all and a choice: leave one of them out")
        case (true, true), (false, false): break
        }
    }

    func run() async throws {
        let name = DeadLetterQueueName(self.queue)
        let selection = self.selection.selection
        let report = try await self.options.withBroker(of: Owner.self, self.options.sources()) { broker in
            let letters = DeadLetterQueue(name, on: broker, now: Timestamp.unixTime)
            let listing = try await letters.list(selection, limit: self.options.limit)
            if self.all, !self.besideOthers, listing.isShared { throw DeadLetterError(Self.notAll(listing)) }
            guard !listing.letters.isEmpty else { return LetterReport(listing: listing) }
            guard await self.isAgreed(listing) else { throw DeadLetterError("nothing was discarded") }
            return try await letters.discard(selection, agreed: listing.letters, limit: self.options.limit)
        }
        try LetterOutcome(.discard, report, isForAll: self.all && !self.options.isLimited).write(
            json: self.options.json
        )
    }

    private static func notAll(_ listing: LetterListing) -> String {
        (["these would not be all dead letters of \(listing.queue.shown), and nothing was discarded"] + listing.notes
            + ["wait until the others have ended, or give --beside-others"]).joined(separator: "; ")
    }

    private func isAgreed(_ listing: LetterListing) async -> Bool {
        if self.yes { return true }
        let table = LetterTable(listings: [], now: Timestamp.unixTime()).table(listing.letters, of: listing.queue)
        for line in table.lines + listing.notes { Console.error.write(line) }
        let count = LetterOutcome.count(listing.letters.count)
        Console.error.write("Discard \(count) of \(listing.queue.shown) for good? [y/N]")
        let answer = await blockingCall { readLine() }
        return answer.map { ["y", "yes"].contains($0.lowercased()) } ?? false
    }
}
