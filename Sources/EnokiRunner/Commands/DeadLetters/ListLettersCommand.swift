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
                among them.
                """
        )
    }

    @Option(help: ArgumentHelp("A queue; may be given several times.", valueName: "queue"))
    var queue: [String] = []

    @OptionGroup var selection: SelectionOptions

    @OptionGroup var options: DeadLetterOptions

    func run() async throws {
        let reader = try self.options.reader()
        let named = self.queue.isEmpty ? try await Owner.queues(reader) : self.queue
        var names: [DeadLetterQueueName] = []
        for name in named.map(DeadLetterQueueName.init) + [.lost] where !names.contains(name) { names.append(name) }
        let listings = try await self.options.withBroker(of: Owner.self, reader) { broker in
            var listings: [LetterListing] = []
            for name in names {
                let letters = DeadLetterQueue(name, on: broker, now: Timestamp.unixTime)
                listings.append(try await letters.list(self.selection.selection, limit: self.options.limit))
            }
            return listings
        }
        if self.options.json {
            Console.output.write(try LetterJSON.text(["queues": listings.map(LetterJSON.Queue.init)]))
        } else {
            Console.output.write(LetterTable(listings: listings, now: Timestamp.unixTime()).text)
        }
    }
}
