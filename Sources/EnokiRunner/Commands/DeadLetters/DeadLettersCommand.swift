package import ArgumentParser

/// `dead-letters`: what was given up, and what becomes of it.
package struct DeadLettersCommand<Owner: Program>: AsyncParsableCommand {
    package static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "dead-letters",
            abstract: "List, show, replay and discard messages that were given up.",
            discussion: """
                A queue is named by itself, or by that of its dead letters: orders and orders.dead are the same here. \
                enoki.lost has the messages whose queue was gone when they came back from a retry.

                Whoever looks consumes without acknowledging and gives back: all stay where they were, marked as redelivered.

                Exit codes: 0 done, 1 not or not all done, 3 the broker refused the login or could not be reached, 64 wrong \
                usage, 78 wrong configuration.
                """,
            subcommands: [
                ListLettersCommand<Owner>.self, ShowLetterCommand<Owner>.self, ReplayLettersCommand<Owner>.self,
                DiscardLettersCommand<Owner>.self,
            ]
        )
    }

    package init() {}
}
