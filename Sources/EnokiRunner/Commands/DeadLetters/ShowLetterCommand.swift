import ArgumentParser
import Enoki

/// `dead-letters show`: all of one dead letter.
struct ShowLetterCommand<Owner: Program>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "show",
            abstract: "Show one dead letter: why it was given up, headers, properties and body.",
            discussion: "Passwords in addresses are left out."
        )
    }

    @Argument(help: ArgumentHelp("The queue.", valueName: "queue"))
    var queue: String

    @Option(help: ArgumentHelp("The message id, as listed.", valueName: "id"))
    var id: String?

    @Option(help: ArgumentHelp("The place in the queue, from 1.", valueName: "n"))
    var number: Int?

    @OptionGroup var options: DeadLetterOptions

    func validate() throws { try self.number.map(SelectionOptions.validate(number:)) }

    func run() async throws {
        let name = DeadLetterQueueName(self.queue)
        let selection = LetterSelection(ids: self.id.map { [$0] } ?? [], number: self.number)
        let (listing, messages) = try await self.options.withBroker(of: Owner.self, self.options.sources()) { broker in
            try await DeadLetterQueue(name, on: broker, now: Timestamp.unixTime)
                .messages(selection, limit: self.options.limit)
        }
        let letter = try listing.onlyLetter()
        guard let message = messages.first else { throw DeadLetterError(listing.nothingFound) }
        if self.options.json {
            Console.output.write(try LetterJSON.text(LetterJSON.Message(name, letter, message)))
        } else {
            let now = Timestamp.unixTime()
            Console.output.write(LetterText(queue: name, letter: letter, message: message, now: now).text)
        }
    }
}
