import EnokiRabbitMQManagement
import Foundation

/// The HTTP API of the tests' RabbitMQ.
public enum ManagementAPI {
    /// Sends a request, and returns what comes back.
    ///
    /// - Parameter path: The words after `/api`.
    public static func send(_ method: String, _ path: [String], body: String? = nil) async throws -> String {
        let management = try RabbitMQManagement(uri: TestEnvironment.managementURI)
        let reply = try await management.send(
            method,
            path,
            headers: body == nil ? [:] : ["Content-Type": "application/json"],
            body: body
        )
        return String(decoding: reply, as: UTF8.self)
    }
}
