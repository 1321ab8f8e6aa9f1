import Enoki
import EnokiAMQP
import EnokiRabbitMQManagement

/// What a process leaves behind: the codes of ``ServiceRunner``'s documentation. 64 and 78 are those of `sysexits.h`.
struct ExitStatus: Sendable, Hashable {
    let code: Int32

    static let success = ExitStatus(code: 0)
    static let failure = ExitStatus(code: 1)
    static let brokerRefused = ExitStatus(code: 3)
    static let usage = ExitStatus(code: 64)
    static let configuration = ExitStatus(code: 78)
    static let killed = ExitStatus(code: 130)
}

extension ExitStatus {
    /// The status that `error` ends a process with; `nil` for the errors of the argument parser, which knows its own.
    init?(_ error: any Error) {
        switch error {
        case is UsageError: self = .usage
        case is ConfigurationError: self = .configuration
        case is ProcessKilled: self = .killed
        case is AMQPServerError, is DeadLetterError, is Editor.Failure, is QueuesLeftBehind: self = .failure
        case is RabbitMQManagement.Refusal: self = .brokerRefused
        case let error as BrokerError: self = Self.status(of: error.code)
        case let error as ServiceFailure: self = ExitStatus(error.cause) ?? .failure
        default: return nil
        }
    }

    private static func status(of code: BrokerError.Code) -> ExitStatus {
        switch code {
        case .invalidAddress: .configuration
        case .loginRefused, .vhostNotFound, .tlsFailed, .connectionFailed: .brokerRefused
        default: .failure
        }
    }
}

/// A command line that can be parsed and makes no sense.
struct UsageError: Error, Hashable, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// The end of a process that was told twice to stop.
struct ProcessKilled: Error, CustomStringConvertible {
    var description: String { "killed by a second signal; messages in work go back to their queues" }
}

/// The first error of a process that hosts services.
struct ServiceFailure: Error, CustomStringConvertible {
    let cause: any Error

    var description: String { "stopped by an error: \(self.cause)" }
}
