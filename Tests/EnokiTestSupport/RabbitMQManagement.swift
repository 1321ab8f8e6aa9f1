import Foundation

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// RabbitMQ's HTTP API, as far as tests need it.
struct RabbitMQManagement: Sendable {
    /// An answer that says no.
    struct Refusal: Error, CustomStringConvertible {
        let description: String
        let status: Int
    }

    let address: URL
    let authorization: String

    init() throws {
        let uri = try TestEnvironment.managementURI
        guard var components = URLComponents(string: uri), let user = components.user,
            let password = components.password
        else { throw Refusal(description: "not the URI of an HTTP API: \(uri)", status: 0) }
        (components.user, components.password) = (nil, nil)
        guard let address = components.url else { throw Refusal(description: "not a URI: \(uri)", status: 0) }
        self.address = address
        self.authorization = "Basic " + Data("\(user):\(password)".utf8).base64EncodedString()
    }

    /// Sends a request and returns the answer's body.
    ///
    /// A cancelled task sends it too: cleaning up must go on.
    ///
    /// - Parameter path: The words after `/api`, each to be escaped.
    @discardableResult
    func send(
        _ method: String,
        _ path: [String],
        query: String? = nil,
        headers: [String: String] = [:]
    ) async throws -> Data {
        let escaped = path.map { $0.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? $0 }
        let suffix = "/api/" + escaped.joined(separator: "/") + (query.map { "?\($0)" } ?? "")
        guard let url = URL(string: self.address.absoluteString + suffix) else {
            throw Refusal(description: "not a path: \(suffix)", status: 0)
        }
        var request = URLRequest(url: url, timeoutInterval: 30)
        request.httpMethod = method
        request.setValue(self.authorization, forHTTPHeaderField: "Authorization")
        for (name, value) in headers { request.setValue(value, forHTTPHeaderField: name) }
        let (body, status) = try await withCheckedThrowingContinuation {
            (continuation: CheckedContinuation<(Data, Int), any Error>) in
            let task = URLSession.shared.dataTask(with: request) { body, response, error in
                if let response = response as? HTTPURLResponse {
                    continuation.resume(returning: (body ?? Data(), response.statusCode))
                } else {
                    continuation.resume(throwing: error ?? URLError(.badServerResponse))
                }
            }
            task.resume()
        }
        guard 200..<300 ~= status else {
            let text = String(decoding: body, as: UTF8.self)
            throw Refusal(description: "\(method) \(suffix) was answered with \(status): \(text)", status: status)
        }
        return body
    }

    func get<Value: Decodable>(_ path: [String], query: String? = nil) async throws -> Value {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Value.self, from: try await self.send("GET", path, query: query))
    }

    /// Deletes what may be gone already.
    func delete(_ path: [String], query: String? = nil, headers: [String: String] = [:]) async throws {
        do {
            try await self.send("DELETE", path, query: query, headers: headers)
        } catch let refusal as Refusal where refusal.status == 404 {}
    }
}
