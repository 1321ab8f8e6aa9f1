import ArgumentParser
import Configuration
import Enoki
import EnokiBroker

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// `dead-letters replay`: gives messages back to the queue that they came from.
struct ReplayLettersCommand<Owner: Program>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "replay",
            abstract: "Give dead letters back to the queue that they came from.",
            discussion: """
                Without a choice all are replayed, the oldest first. Each is published and confirmed before it leaves the dead \
                letters; its attempts begin anew. It ends at the first that fails, and Ctrl-C ends it after the one in hand: \
                what was not done is where it was.
                """
        )
    }

    @Argument(help: ArgumentHelp("The queue.", valueName: "queue"))
    var queue: String

    @OptionGroup var selection: SelectionOptions

    @Option(help: ArgumentHelp("The place in the queue, from 1.", valueName: "n"))
    var number: Int?

    @Option(help: ArgumentHelp("Another queue to publish to.", valueName: "queue"))
    var to: String?

    @Option(
        help: ArgumentHelp(
            "How many at most, such as 5/s, 30/m or 100/h; a number alone is per second.",
            valueName: "rate"
        )
    )
    var rate: Rate?

    @Flag(help: "Edit the body of one dead letter first, with VISUAL, EDITOR or vi.")
    var edit = false

    @Option(help: ArgumentHelp("A file with the body for one dead letter; - is the standard input.", valueName: "file"))
    var body: String?

    @Option(
        help: ArgumentHelp(
            "What the bodies are, such as application/json, where their publisher said something else, or that they are encoded.",
            valueName: "type"
        )
    )
    var contentType: String?

    @Flag(help: "Only say what would be replayed.")
    var dryRun = false

    @OptionGroup var options: DeadLetterOptions

    /// A rate in words.
    struct Rate: ExpressibleByArgument, Hashable {
        let rate: ReplayRate

        init?(argument: String) {
            guard let rate = ReplayRate(argument) else { return nil }
            self.rate = rate
        }
    }

    func validate() throws {
        try self.number.map(SelectionOptions.validate(number:))
        if let refusal = self.to.flatMap(DeadLetterQueueName(self.queue).refusal) {
            throw ValidationError("--to: \(refusal)")
        }
        if let type = self.contentType {
            guard type.utf8.count <= 255, type.split(separator: "/").count == 2 else {
                throw ValidationError(
                    "--content-type: give a type and a subtype of at most 255 bytes, such as application/json"
                )
            }
            guard !self.chosen.isAll else {
                throw ValidationError(
                    "--content-type: say which letters are meant, such as with --id or --reason: what their publishers said goes"
                )
            }
        }
        if self.edit, self.body != nil { throw ValidationError("--edit and --body: leave one of them out") }
        if self.edit, self.dryRun { throw ValidationError("--edit and --dry-run: leave one of them out") }
    }

    /// Those that are meant.
    private var chosen: LetterSelection {
        var selection = self.selection.selection
        selection.number = self.number
        return selection
    }

    func run() async throws {
        let name = DeadLetterQueueName(self.queue)
        let body = try self.body.map(TextFile.read)
        let selection = self.chosen
        let report = try await self.options.withBroker(of: Owner.self, self.options.sources()) { broker in
            let letters = DeadLetterQueue(name, on: broker, now: Timestamp.unixTime)
            return switch (self.dryRun, self.edit || body != nil) {
            case (true, _): try await self.plan(letters, selection)
            case (false, true): try await self.replayEdited(letters, selection, body)
            case (false, false): try await self.replay(letters, selection)
            }
        }
        let isForAll = selection.isAll && !self.options.isLimited
        try LetterOutcome(.replay, report, isDryRun: self.dryRun, isForAll: isForAll).write(json: self.options.json)
    }

    private func replay(
        _ letters: DeadLetterQueue,
        _ selection: LetterSelection,
        body: [UInt8]? = nil
    ) async throws -> LetterReport {
        let (limit, destination, type, rate) = (self.options.limit, self.to, self.contentType, self.rate?.rate)
        return try await untilSignal {
            try await letters.replay(
                selection,
                limit: limit,
                to: destination,
                body: body,
                contentType: type,
                rate: rate
            )
        }
    }

    /// What would be done.
    private func plan(_ letters: DeadLetterQueue, _ selection: LetterSelection) async throws -> LetterReport {
        let (listing, messages) = try await letters.messages(selection, limit: self.options.limit)
        for (letter, message) in zip(listing.letters, messages) {
            _ = try ReplayedMessage(message, letter, in: listing.queue, to: self.to, contentType: self.contentType)
        }
        return LetterReport(done: listing.letters, selected: listing.letters.count, listing: listing)
    }

    private func replayEdited(
        _ letters: DeadLetterQueue,
        _ selection: LetterSelection,
        _ body: [UInt8]?
    ) async throws -> LetterReport {
        let (listing, messages) = try await letters.messages(selection, limit: self.options.limit)
        let letter = try listing.onlyLetter()
        guard let message = messages.first else { throw DeadLetterError(listing.nothingFound) }
        let edited: [UInt8]
        if let body {
            try self.check(body, as: message)
            edited = body
        } else {
            edited = try await self.edit(message)
        }
        // By what it is: its place may have changed since it was looked at, and nothing is held while somebody types.
        return try await self.replay(letters, LetterSelection(ids: ["\(letter.digest)"], atMost: 1), body: edited)
    }

    private func edit(_ message: Message) async throws -> [UInt8] {
        guard String(validating: message.body, as: UTF8.self) != nil else {
            throw DeadLetterError("the body is not text and cannot be edited: give another with --body")
        }
        let editor = Editor(environment: ProcessInfo.processInfo.environment)
        let edited = try await editor.edit(message.body) { try self.check($0, as: message) }
        guard edited != message.body else {
            throw DeadLetterError("the body was not changed, and nothing was replayed: without --edit it goes as it is")
        }
        return edited
    }

    /// A slip of the pen would only come back as a dead letter.
    private func check(_ body: [UInt8], as message: Message) throws {
        var properties = message.properties
        if let type = self.contentType { (properties.contentType, properties.contentEncoding) = (type, nil) }
        guard ReplayedMessage.isReadable(body, as: properties) else {
            throw DeadLetterError("the message is application/json, and its new body is no JSON")
        }
    }
}
