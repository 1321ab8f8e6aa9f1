public import ArgumentParser
public import Enoki
public import Logging

/// A program that hosts services: conform a type to it, mark that `@main`, and the program has a command line.
///
/// ```swift
/// import Enoki
/// import EnokiRunner
///
/// @main struct Shop: ServiceRunner {
///     var services: [any Microservice] {
///         Orders()
///         Payments()
///     }
/// }
/// ```
///
///     shop run                                  # all services, on a broker inside this process
///     shop run orders --broker amqp://host/     # one of them, on RabbitMQ
///     shop run --listen 127.0.0.1:5672          # services in other languages join, without RabbitMQ
///     shop broker                               # a broker for development, without services
///     shop services                             # what there is: entrypoints, queues, exchanges
///     shop queues                               # how they are on RabbitMQ, and which an older version has left behind
///     shop dead-letters list                    # what was given up; show, replay and discard it
///
/// As with nameko, nothing runs without the word `run`; the bare program prints its help.
///
/// ## Exit codes
///
/// | code | meaning |
/// |---|---|
/// | 0 | stopped gracefully, after SIGTERM or Ctrl-C |
/// | 1 | a service failed, was blocked for too long, or did not stop in its grace period; no port; dead letters, or queues, are left |
/// | 3 | with `--fail-fast`, `dead-letters` and `queues`: the broker refused login or virtual host, or could not be reached |
/// | 64 | the command line cannot be understood |
/// | 78 | a setting, the configuration file or a service's definition cannot work |
/// | 130 | killed by a second signal |
public protocol ServiceRunner: Sendable {
    /// A runner; it is made once, when a command needs its services.
    init()

    /// The services, of different names.
    @ServiceBuilder var services: [any Microservice] { get }

    /// The name of the program in its help and logs; by default that of the executable file.
    static var name: String { get }

    /// What `--version` says; by default `0.1.0`.
    static var version: String { get }

    /// Commands of the program's own, beside `run`, `services`, `queues`, `broker` and `dead-letters`. None by default.
    static var subcommands: [any ParsableCommand.Type] { get }

    /// What writes the log; by default a ``ConsoleLogHandler``. The level is set afterwards.
    static func logHandler(label: String) -> any LogHandler
}

extension ServiceRunner {
    /// The name of the executable file.
    public static var name: String {
        let path = CommandLine.arguments.first ?? ""
        return path.split(separator: "/").last.map(String.init) ?? "enoki"
    }

    /// The first version of a program that names none.
    public static var version: String { "0.1.0" }

    /// No commands of its own.
    public static var subcommands: [any ParsableCommand.Type] { [] }

    /// Readable lines on standard error.
    public static func logHandler(label: String) -> any LogHandler { ConsoleLogHandler(label: label) }

    /// Understands the command line, does what it says, and ends the process with one of the documented codes.
    @concurrent
    public static func main() async { await RunnerProgram<Self>.main(RunnerCommand<Self>.self) }
}
