import EnokiTestSupport
import Foundation

/// nameko's standalone clients, each call in a Python process of its own (`Peer/client.py`).
struct NamekoClient: Sendable {
    /// An exception that a nameko caller saw.
    struct Exception: Error, Decodable, Hashable {
        /// Its Python class, such as `nameko.exceptions.RemoteError`.
        let pythonClass: String
        /// Its text.
        let text: String
        /// For a `RemoteError` the name of the remote exception.
        let remoteType: String?
        /// For a `RemoteError` the text of the remote exception.
        let remoteValue: String?

        private enum CodingKeys: String, CodingKey {
            case text
            case pythonClass = "class"
            case remoteType = "exc_type"
            case remoteValue = "value"
        }
    }

    private struct Outcome<Value: Decodable>: Decodable {
        let result: Value?
        let error: Exception?
    }

    /// The Python process did not do as told.
    private struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    let host: RabbitMQVirtualHost

    /// Calls a method.
    ///
    /// - Parameters:
    ///   - arguments: The positional arguments, a JSON array.
    ///   - keywords: The keyword arguments, a JSON object.
    ///   - context: The context data to send, a JSON object.
    /// - Throws: ``Exception`` where the call raises.
    func call<Value: Decodable>(
        _ service: String,
        _ method: String,
        arguments: String = "[]",
        keywords: String = "{}",
        context: String = "{}",
        timeout: Duration = .seconds(10)
    ) async throws -> Value {
        let outcome: Outcome<Value> = try await self.run([
            "call", service, method, "--args", arguments, "--kwargs", keywords, "--context", context,
            "--timeout", "\(timeout / .seconds(1))",
        ])
        if let error = outcome.error { throw error }
        guard let result = outcome.result ?? (JSON.null as? Value) else {
            throw Failure(description: "\(service).\(method) returned null, expected \(Value.self)")
        }
        return result
    }

    /// Dispatches an event as if `service` did; its exchange must exist.
    ///
    /// - Parameter data: The event's data, JSON.
    func dispatch(as service: String, _ type: String, _ data: String = "null") async throws {
        let outcome: Outcome<JSON> = try await self.run(["dispatch", service, type, data])
        if let error = outcome.error { throw error }
    }

    private func run<Value: Decodable>(_ arguments: [String]) async throws -> Outcome<Value> {
        try await ChildProcess.with(
            try TestEnvironment.python,
            ["client.py", self.host.uri] + arguments,
            environment: ["PYTHONDONTWRITEBYTECODE": "1", "PYTHONWARNINGS": "ignore"],
            directory: NamekoPeer.directory
        ) { process in
            let exit = try await process.ended()
            guard exit == .status(0) else {
                throw Failure(description: "client.py ended with \(exit): \(process.output)\(process.errors)")
            }
            return try JSONDecoder().decode(Outcome<Value>.self, from: Data(process.output.utf8))
        }
    }
}
