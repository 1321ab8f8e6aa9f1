import Enoki
import EnokiTestSupport
import Foundation
import Testing

/// nameko's standalone clients, in a Python process for each use (`Peer/client.py`).
struct NamekoClient: Sendable {
    /// An exception that the Python caller saw: its class and its text.
    struct Exception: Error, CustomStringConvertible {
        let description: String
    }

    /// The Python process did not do as told.
    private struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private struct Outcome<Value: Decodable>: Decodable {
        let result: Value?
        let repr: String?
        let error: String?
    }

    let nameko: Nameko
    let host: TestVirtualHost

    /// How long a call may take on a busy machine.
    static let callTimeout = Duration.seconds(30)

    /// Evaluates Python expressions one after the other and expects of each its `repr`, or `class: text` of the exception.
    ///
    /// - Parameters:
    ///   - context: The context data to send along, a JSON object.
    ///   - timeout: How long each call may take; `nil` is for ever.
    func expect(
        _ outcomes: KeyValuePairs<String, String>,
        context: String = "{}",
        timeout: Duration? = Self.callTimeout,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let seen: [Outcome<NoReply>] = try await self.run(outcomes.map(\.key), context: context, timeout: timeout)
        for ((expression, expected), outcome) in zip(outcomes, seen) {
            let text = outcome.error ?? outcome.repr
            #expect(text == expected, "\(expression)", sourceLocation: sourceLocation)
        }
    }

    /// The value of a Python expression.
    ///
    /// - Throws: ``Exception`` where it raises.
    func value<Value: Decodable>(_ expression: String, context: String = "{}") async throws -> Value {
        let outcomes: [Outcome<Value>] = try await self.run([expression], context: context, timeout: Self.callTimeout)
        if let error = outcomes.first?.error { throw Exception(description: error) }
        guard let value = outcomes.first?.result else {
            throw Failure(description: "\(expression) is null, expected \(Value.self)")
        }
        return value
    }

    /// Evaluates Python expressions that must not raise, for what they do.
    func run(_ expressions: String..., context: String = "{}") async throws {
        let outcomes: [Outcome<NoReply>] = try await self.run(expressions, context: context, timeout: Self.callTimeout)
        if let error = outcomes.lazy.compactMap(\.error).first { throw Exception(description: error) }
    }

    private func run<Value: Decodable>(
        _ expressions: [String],
        context: String,
        timeout: Duration?
    ) async throws -> [Outcome<Value>] {
        let seconds = timeout.map { $0 / .seconds(1) } ?? 0
        return try await ChildProcess.with(
            try self.nameko.python,
            ["client.py", self.host.uri, "--context", context, "--timeout", "\(seconds)"] + expressions,
            environment: ["PYTHONDONTWRITEBYTECODE": "1", "PYTHONWARNINGS": "ignore"],
            directory: NamekoPeer.directory
        ) { process in
            let exit = try await process.ended(within: NamekoPeer.patience)
            let lines = process.output.split(separator: "\n")
            guard exit == .status(0), lines.count == expressions.count else {
                throw Failure(description: "client.py ended with \(exit): \(process.output)\(process.errors)")
            }
            return try lines.map { try JSONDecoder().decode(Outcome<Value>.self, from: Data($0.utf8)) }
        }
    }
}
