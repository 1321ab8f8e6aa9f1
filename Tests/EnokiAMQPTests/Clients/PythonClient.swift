import EnokiTestSupport
import Foundation

/// A client library for Python, with a script that uses it (`Peer/…_client.py`).
enum PythonClient: String, CaseIterable, Sendable {
    case pika
    case kombu
    case aioPika = "aio_pika"

    private static let directory = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Peer").path

    /// Runs a scenario of the script to its end, in a process of its own, and returns what it reported.
    func result(of scenario: String, _ arguments: String..., at uri: String) async throws -> [String] {
        try await self.run([scenario] + arguments, at: uri) { try await $0.result() }
    }

    /// Runs `body` beside a scenario of the script.
    func run(
        _ scenario: String,
        _ arguments: String...,
        at uri: String,
        _ body: (PythonProcess) async throws -> Void
    ) async throws {
        try await self.run([scenario] + arguments, at: uri, body)
    }

    private func run<Result>(
        _ arguments: [String],
        at uri: String,
        _ body: (PythonProcess) async throws -> Result
    ) async throws -> Result {
        try await ChildProcess.with(
            try TestEnvironment.pythonClients,
            ["\(self.rawValue)_client.py", uri] + arguments,
            environment: ["PYTHONDONTWRITEBYTECODE": "1", "PYTHONIOENCODING": "utf-8"],
            directory: Self.directory,
            stopSignal: SIGKILL  // It has nothing to lose.
        ) { process in
            try await body(PythonProcess(client: self, process: process))
        }
    }
}

/// A scenario that runs.
struct PythonProcess: Sendable {
    private struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// A busy machine takes long to start a Python with its libraries.
    private static let patience = Duration.seconds(120)

    fileprivate let client: PythonClient
    fileprivate let process: ChildProcess

    fileprivate init(client: PythonClient, process: ChildProcess) {
        self.client = client
        self.process = process
    }

    /// The lines of JSON that it has reported so far.
    var reports: [String] {
        // The last line may be half there.
        self.process.output.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
    }

    /// The first reports, once there are so many.
    func reports(_ count: Int) async throws -> [String] {
        do {
            return try await eventually("\(self.client) reported \(count) times", within: Self.patience) {
                self.reports
            } until: {
                $0.count >= count
            }
        } catch {
            throw Failure(description: "\(error)\n\(self.process.errors)")
        }
    }

    /// All reports, once the scenario is over.
    func result() async throws -> [String] {
        let exit = try await self.process.ended(within: Self.patience)
        guard exit == .status(0) else {
            throw Failure(description: "\(self.client) ended with \(exit): \(self.reports)\n\(self.process.errors)")
        }
        return self.reports
    }
}
