import Foundation

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// What can happen to a broker.
extension RabbitMQNode {
    /// The port of its AMQP listener, on 127.0.0.1.
    public var port: Int {
        get throws {
            guard let uri = self.environment["ENOKI_TEST_AMQP_URI"], let port = URLComponents(string: uri)?.port else {
                throw TestEnvironment.Missing(variable: "ENOKI_TEST_AMQP_URI")
            }
            return port
        }
    }

    /// Sends its process a signal: SIGKILL is a power cut, SIGSTOP a machine that hangs.
    public func send(signal: Int32) throws {
        let path = try self.setting("ENOKI_TEST_RABBITMQ_PID")
        let text = try String(contentsOf: URL(filePath: path), encoding: .utf8)
        guard let process = Int32(text.trimmingCharacters(in: .whitespacesAndNewlines)), kill(process, signal) == 0
        else { throw ConditionNotMet(description: "the broker's process does not exist: \(text)") }
    }

    /// Starts it again after it was killed; returns when it serves, after about five seconds.
    ///
    /// - Parameter isEmpty: Whether it has lost all that it had: queues, messages and virtual hosts.
    public func start(isEmpty: Bool = false) async throws {
        try await self.run("ENOKI_TEST_RABBITMQ_START", isEmpty ? ["--empty"] : [])
    }

    /// Runs `rabbitmqctl`, which takes about a second.
    public func control(_ arguments: String...) async throws {
        try await self.run("ENOKI_TEST_RABBITMQCTL", arguments)
    }

    /// Gives its disk so many bytes, where it was started with one of its own: fewer than are used is not possible.
    public func resizeDisk(to bytes: Int) async throws { try await self.run("ENOKI_TEST_RABBITMQ_DISK", ["\(bytes)"]) }

    /// How many bytes of its disk are used, where it was started with one of its own.
    public var usedDisk: Int {
        get async throws {
            let used = try await self.run("ENOKI_TEST_RABBITMQ_DISK", [])
            guard let bytes = Int(used.trimmingCharacters(in: .whitespacesAndNewlines)) else {
                throw ConditionNotMet(description: "the size of the broker's disk is no number: \(used)")
            }
            return bytes
        }
    }

    /// What it has logged, until it was started again.
    public var log: String {
        get throws {
            // Erlang's terms in it need not be text.
            String(
                decoding: try Data(contentsOf: URL(filePath: self.setting("ENOKI_TEST_RABBITMQ_LOG"))),
                as: UTF8.self
            )
        }
    }

    private func setting(_ variable: String) throws -> String {
        guard let value = self.environment[variable] else { throw TestEnvironment.Missing(variable: variable) }
        return value
    }

    /// - Returns: What the command has written.
    @discardableResult
    private func run(_ variable: String, _ arguments: [String]) async throws -> String {
        try await ChildProcess.with(try self.setting(variable), arguments) { child in
            guard try await child.ended(within: .seconds(120)) == .status(0) else {
                let what = ([variable] + arguments).joined(separator: " ")
                throw ConditionNotMet(description: "\(what) failed: \(child.output)\(child.errors)")
            }
            return child.output
        }
    }
}
