package import Foundation

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// RabbitMQ's HTTP API (the management plugin), as far as it is needed here.
package struct RabbitMQManagement: Sendable {
    /// An answer that says no.
    package struct Refusal: Error, CustomStringConvertible {
        /// What was asked, and what came back.
        package let description: String
        /// The HTTP status; 0 when nothing was asked.
        package let status: Int

        package init(description: String, status: Int) {
            self.description = description
            self.status = status
        }
    }

    /// Where the API is, without user and password.
    package let address: String
    /// The user that asks.
    package let user: String
    private let authorization: String

    /// The API at `uri`, which has user and password in it and no slash at its end.
    package init(uri: String) throws(Refusal) {
        guard var components = URLComponents(string: uri), components.host != nil else {
            throw Refusal(
                description: "not the URI of an HTTP API, such as http://host:15672 with user and password",
                status: 0
            )
        }
        guard ["http", "https"].contains(components.scheme) else {
            throw Refusal(description: "not the URI of an HTTP API: its scheme must be http or https", status: 0)
        }
        guard let user = components.user, let password = components.password else {
            throw Refusal(description: "not complete: it has no user and password before its host", status: 0)
        }
        (components.user, components.password) = (nil, nil)
        guard let address = components.url?.absoluteString else {
            throw Refusal(description: "not the URI of an HTTP API", status: 0)
        }
        self.address = address
        self.user = user
        self.authorization = "Basic " + Data("\(user):\(password)".utf8).base64EncodedString()
    }

    /// Sends a request and returns the answer's body.
    ///
    /// A cancelled task sends it too, unless it only asks: cleaning up must go on.
    ///
    /// - Parameter path: The words after `/api`, each to be escaped.
    @discardableResult
    package func send(
        _ method: String,
        _ path: [String],
        query: String? = nil,
        headers: [String: String] = [:],
        body: String? = nil
    ) async throws -> Data {
        let escaped = path.map { $0.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? $0 }
        let suffix = "/api/" + escaped.joined(separator: "/") + (query.map { "?\($0)" } ?? "")
        guard let url = URL(string: self.address + suffix) else {
            throw Refusal(description: "not a path: \(suffix)", status: 0)
        }
        var request = URLRequest(url: url, timeoutInterval: 30)
        request.httpMethod = method
        request.httpBody = body.map { Data($0.utf8) }
        request.setValue(self.authorization, forHTTPHeaderField: "Authorization")
        for (name, value) in headers { request.setValue(value, forHTTPHeaderField: name) }
        let (answer, status) = try await self.answer(to: request)
        guard 200..<300 ~= status else {
            let text = String(decoding: answer, as: UTF8.self)
            throw Refusal(description: "\(method) \(suffix) was answered with \(status): \(text)", status: status)
        }
        return answer
    }

    private func answer(to request: URLRequest) async throws -> (body: Data, status: Int) {
        do {
            let (body, response) = try await self.send(request)
            guard let response = response as? HTTPURLResponse else { throw URLError(.badServerResponse) }
            return (body, response.statusCode)
        } catch let error as URLError where error.code == .cancelled && !Task.isCancelled {
            throw Refusal(
                description: "RabbitMQ's HTTP API at \(self.address) refuses user '\(self.user)' or the password (401)",
                status: 401
            )
        } catch let error as URLError {
            let text = "RabbitMQ's HTTP API at \(self.address) does not answer: \(error.localizedDescription)"
            throw Refusal(description: text, status: 0)
        }
    }

    private static let session = URLSession(configuration: .ephemeral, delegate: NoOtherUser(), delegateQueue: nil)

    private func send(_ request: URLRequest) async throws -> (Data, URLResponse) {
        guard request.httpMethod != "GET" else { return try await Self.session.data(for: request) }
        return try await withCheckedThrowingContinuation { continuation in
            let task = Self.session.dataTask(with: request) { body, response, error in
                if let response {
                    continuation.resume(returning: (body ?? Data(), response))
                } else {
                    continuation.resume(throwing: error ?? URLError(.badServerResponse))
                }
            }
            task.resume()
        }
    }

    /// Asks for what is at `path`.
    ///
    /// - Throws: ``Refusal`` also for an answer that cannot be read.
    package func get<Value: Decodable>(_ path: [String], query: String? = nil) async throws -> Value {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let answer = try await self.send("GET", path, query: query)
        do {
            return try decoder.decode(Value.self, from: answer)
        } catch is DecodingError {
            throw Refusal(
                description:
                    "what answers at \(self.address) is not RabbitMQ's HTTP API, or none that is known here: see host "
                    + "and port",
                status: 200
            )
        }
    }

    /// Deletes what may be gone already.
    package func delete(_ path: [String], query: String? = nil, headers: [String: String] = [:]) async throws {
        do {
            try await self.send("DELETE", path, query: query, headers: headers)
        } catch let refusal as Refusal where refusal.status == 404 {}
    }

    /// Makes the virtual host `name`, runs `body` and deletes the host, with all connections to it.
    ///
    /// - Parameter others: Users that may use it, besides the one that asks.
    package func withVirtualHost<Result>(
        _ name: String,
        for others: [String] = [],
        _ body: () async throws -> Result
    ) async throws -> Result {
        try await self.send("PUT", ["vhosts", name])
        let result: Result
        do {
            for user in others where user != self.user {
                let rights = #"{"configure": ".*", "write": ".*", "read": ".*"}"#
                try await self.send("PUT", ["permissions", name, user], body: rights)
            }
            result = try await body()
        } catch {
            try? await self.delete(["vhosts", name])
            throw error
        }
        try await self.delete(["vhosts", name])
        return result
    }
}

/// Ends a request whose user was refused (401). Without it Foundation on Linux waits for another user for ever, beyond the timeout.
private final class NoOtherUser: NSObject, URLSessionTaskDelegate {
    func urlSession(
        _ session: URLSession,
        task: URLSessionTask,
        didReceive challenge: URLAuthenticationChallenge,
        completionHandler: @escaping @Sendable (URLSession.AuthChallengeDisposition, URLCredential?) -> Void
    ) {
        completionHandler(.rejectProtectionSpace, nil)
    }
}
