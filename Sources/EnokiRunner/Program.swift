package import ArgumentParser
package import Configuration
import Enoki
package import Logging

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A program with a command line: what its commands need to know of it.
package protocol Program: Sendable {
    /// Its name in help and logs.
    static var name: String { get }

    /// What writes its log. The level is set afterwards.
    static func logHandler(label: String) -> any LogHandler

    /// The queues of its services whose messages can become dead letters. None by default.
    static func queues(_ reader: ConfigReader) async throws -> [String]
}

extension Program {
    /// No services, no queues.
    package static func queues(_ reader: ConfigReader) async throws -> [String] { [] }

    /// Understands the command line, does what it says, and ends the process with one of the codes of ``ServiceRunner``.
    package static func main<Root: AsyncParsableCommand>(_ root: Root.Type) async {
        // A peer that hangs up, or `| head`, is an error of one write and not the end of the process.
        signal(SIGPIPE, SIG_IGN)
        let status = await Self.run(root, Array(CommandLine.arguments.dropFirst()))
        exit(status.code)
    }

    private static func run<Root: AsyncParsableCommand>(_ root: Root.Type, _ arguments: [String]) async -> ExitStatus {
        do {
            var command = try await root.asyncParseAsRoot(arguments)
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            return .success
        } catch {
            return Self.report(error, root)
        }
    }

    private static func report<Root: AsyncParsableCommand>(_ error: any Error, _ root: Root.Type) -> ExitStatus {
        if let status = ExitStatus(error) {
            // What a provider could not connect to may be an address with its password.
            let text = FailureText.withoutCredentials(of: error, maximumLength: Self.longestText)
            Console.error.write("\(Self.name): \(text)")
            return status
        }
        let code = root.exitCode(for: error)
        let message = root.fullMessage(for: error)
        if code == .success, !message.isEmpty { Console.output.write(message) }
        // It quotes what could not be understood.
        if code != .success, !message.isEmpty { Console.error.write(Redaction.withoutCredentials(message)) }
        return ExitStatus(code: code.rawValue)
    }

    private static var longestText: Int { 16_384 }

    /// Makes all loggers of the process write to the program's log, from `level` on.
    ///
    /// - Returns: The program's own.
    static func bootstrapLogging(_ level: Logger.Level) -> Logger {
        let makeHandler: @Sendable (String) -> any LogHandler = { label in
            var handler = Self.logHandler(label: label)
            handler.logLevel = level
            return handler
        }
        LoggingSystem.bootstrap(makeHandler)
        return Logger(label: Self.name, factory: makeHandler)
    }
}

/// The program that a ``ServiceRunner`` is.
enum RunnerProgram<Runner: ServiceRunner>: Program {
    static var name: String { Runner.name }

    static func logHandler(label: String) -> any LogHandler { Runner.logHandler(label: label) }

    static func queues(_ reader: ConfigReader) async throws -> [String] {
        try await ServiceQueues(
            of: Runner().services,
            reader,
            logger: Logger(label: Self.name, factory: Self.logHandler)
        ).names
    }
}
