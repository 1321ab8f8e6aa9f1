import ArgumentParser
import Enoki

/// `dead-letters list`: how many there are, and what they are.
struct ListLettersCommand<Owner: Program>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "list",
            abstract: "List dead letters.",
            discussion: """
                The queues are those that are named, otherwise those of the program's services; enoki.lost is always \
                among them. It is an error to name a queue when neither it nor its dead letters are there.
                """
        )
    }

    @Option(help: ArgumentHelp("A queue; may be given several times.", valueName: "queue"))
    var queue: [String] = []

    @OptionGroup var selection: SelectionOptions

    @OptionGroup var options: DeadLetterOptions

    func run() async throws {
        let sources = try self.options.sources()
        let named = self.queue.isEmpty ? try await Owner.queues(sources.reader) : self.queue
        var names: [DeadLetterQueueName] = []
        for name in named.map(DeadLetterQueueName.init) + [.lost] where !names.contains(name) { names.append(name) }
        let (listings, unknown) = try await self.options.withBroker(of: Owner.self, sources) { broker in
            var listings: [LetterListing] = []
            var unknown: [DeadLetterQueueName] = []
            for name in names {
                let letters = DeadLetterQueue(name, on: broker, now: Timestamp.unixTime)
                let listing = try await letters.list(self.selection.selection, limit: self.options.limit)
                if !listing.exists, try await !letters.hasOriginal() { unknown.append(name) }
                listings.append(listing)
            }
            return (listings, unknown)
        }
        if self.options.json {
            Console.output.write(try LetterJSON.text(["queues": listings.map(LetterJSON.Queue.init)]))
        } else {
            Console.output.write(LetterTable(listings: listings, now: Timestamp.unixTime()).text)
        }
        // A service of this program that has not run yet is no mistake.
        guard !self.queue.isEmpty, !unknown.isEmpty else { return }
        let neither = unknown.map { "a queue \(Redaction.redacted($0.original ?? "")) nor \($0.shown)" }
        throw DeadLetterError("there is neither \(neither.joined(separator: ", neither "))")
    }
}
