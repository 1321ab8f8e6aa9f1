import ArgumentParser
import Enoki

/// The options that say which dead letters are meant.
struct SelectionOptions: ParsableArguments {
    @Option(help: ArgumentHelp("A message id, as listed; may be given several times.", valueName: "id"))
    var id: [String] = []

    @Option(
        help: ArgumentHelp(
            "A reason: error, timeout, rejected, malformed, unsupported-content, too-large, crash, loop, unknown.",
            valueName: "reason"
        )
    )
    var reason: String?

    @Option(help: ArgumentHelp("An entrypoint, such as notify or shipping.notify.", valueName: "name"))
    var entrypoint: String?

    @Option(help: ArgumentHelp("Only those that are older, such as 30s, 10m, 2h or 7d.", valueName: "time"))
    var olderThan: Age?

    /// A duration in words.
    struct Age: ExpressibleByArgument, Hashable {
        let duration: Duration

        init?(argument: String) {
            guard let duration = Duration(words: argument) else { return nil }
            self.duration = duration
        }
    }

    func validate() throws {
        let reasons = DeadLetterReason.allCases.map(\.rawValue) + [ListedLetter.unknownReason]
        guard let reason = self.reason, !reasons.contains(reason) else { return }
        throw ValidationError("--reason is '\(reason)': give one of \(reasons.joined(separator: ", "))")
    }

    /// Checks a place in the queue.
    static func validate(number: Int) throws {
        guard number < 1 else { return }
        throw ValidationError("--number is \(number): the first dead letter is number 1")
    }

    var selection: LetterSelection {
        LetterSelection(
            ids: self.id,
            reason: self.reason,
            entrypoint: self.entrypoint,
            olderThan: self.olderThan?.duration
        )
    }
}
