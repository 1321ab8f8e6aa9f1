import Foundation

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// The HTTP API of the tests' RabbitMQ.
public enum ManagementAPI {
    /// Sends `body` to `path` and returns what comes back.
    public static func post(_ path: String, _ body: String) async throws -> String {
        try await self.send("POST", path, body)
    }

    /// Puts `body` at `path`.
    public static func put(_ path: String, _ body: String) async throws -> String {
        try await self.send("PUT", path, body)
    }

    /// Asks for `path`.
    public static func get(_ path: String) async throws -> String { try await self.send("GET", path, nil) }

    /// Deletes what is at `path`.
    @discardableResult
    public static func delete(_ path: String) async throws -> String { try await self.send("DELETE", path, nil) }

    private static func send(_ method: String, _ path: String, _ body: String?) async throws -> String {
        let base = try TestEnvironment.value("ENOKI_TEST_MANAGEMENT_URI")
        guard var components = URLComponents(string: base + path) else { throw URLError(.badURL) }
        let credentials = "\(components.user ?? ""):\(components.password ?? "")"
        components.user = nil
        components.password = nil
        guard let url = components.url else { throw URLError(.badURL) }
        var request = URLRequest(url: url)
        request.httpMethod = method
        request.httpBody = body.map { Data($0.utf8) }
        request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        request.setValue("Basic \(Data(credentials.utf8).base64EncodedString())", forHTTPHeaderField: "Authorization")
        let (data, _) = try await URLSession.shared.data(for: request)
        return String(decoding: data, as: UTF8.self)
    }
}
