import EnokiBroker
import EnokiRabbitMQManagement
import Foundation

/// A virtual host of the private RabbitMQ that one test has for itself.
public struct RabbitMQVirtualHost: Sendable {
    private let management: RabbitMQManagement
    /// Its name.
    public let name: String
    /// Its URI, to be used by any client.
    public let uri: String
    /// Its URI over TLS.
    public let tlsURI: String

    private init() throws {
        self.management = try RabbitMQManagement(uri: TestEnvironment.managementURI)
        // Short: RabbitMQ cuts error texts, in which it stands, at 255 bytes.
        self.name = "test-\(UUID().uuidString.lowercased().suffix(12))"
        self.uri = try TestEnvironment.amqpURI + self.name
        self.tlsURI = try TestEnvironment.amqpsURI + self.name
    }

    /// A virtual host is a store of messages with its processes: hundreds at once make RabbitMQ too slow to answer. Each
    /// test has one at a time.
    private static let turnstile = Turnstile(places: 24)

    /// Makes a virtual host (about 20 ms), runs `body` with it and deletes it, with all connections to it.
    ///
    /// - Throws: What `body` throws; ``TestEnvironment/Missing`` where there is no broker.
    public static func withFresh<Result>(
        _ body: (RabbitMQVirtualHost) async throws -> Result
    ) async throws -> Result {
        // The cases on a node of their own wait for each other, so none may wait for a place.
        if RabbitMQNode.current != nil { return try await self.withNew(body) }
        return try await self.turnstile.pass { try await self.withNew(body) }
    }

    private static func withNew<Result>(_ body: (RabbitMQVirtualHost) async throws -> Result) async throws -> Result {
        let host = try RabbitMQVirtualHost()
        return try await host.management.withVirtualHost(host.name) { try await body(host) }
    }

    /// A user of the virtual host whose password can be changed.
    public struct User: Sendable {
        fileprivate let management: RabbitMQManagement
        fileprivate let host: String
        /// The name.
        public let name: String

        /// Lets it publish to a topic exchange only with routing keys that match `pattern`.
        public func limit(to pattern: String, on exchange: String, of host: RabbitMQVirtualHost) async throws {
            let body = #"{"exchange": "\#(exchange)", "write": "\#(pattern)", "read": ".*"}"#
            try await self.management.send("PUT", ["topic-permissions", host.name, self.name], body: body)
        }

        /// Gives it another password; connections that stand are left alone.
        public func set(password: String) async throws {
            let body = #"{"password": "\#(password)", "tags": ""}"#
            try await self.management.send("PUT", ["users", self.name], body: body)
        }

        /// Lets it declare and delete, publish, and consume what matches the patterns.
        public func set(configure: String, write: String = ".*", read: String = ".*") async throws {
            let rights = #"{"configure": "\#(configure)", "write": "\#(write)", "read": "\#(read)"}"#
            try await self.management.send("PUT", ["permissions", self.host, self.name], body: rights)
        }

        /// Does not let it in any more; connections that stand are left alone.
        public func clearPermissions() async throws {
            try await self.management.delete(["permissions", self.host, self.name])
        }
    }

    /// Makes a user with all rights here, runs `body` and deletes the user.
    public func withUser<Result>(password: String, _ body: (User) async throws -> Result) async throws -> Result {
        let user = User(management: self.management, host: self.name, name: "user-of-\(self.name)")
        try await user.set(password: password)
        try await user.set(configure: ".*")
        do {
            let result = try await body(user)
            try await self.management.delete(["users", user.name])
            return result
        } catch {
            try? await self.management.delete(["users", user.name])
            throw error
        }
    }

    /// Deletes it with all that is in it: its connections are closed.
    public func delete() async throws { try await self.management.delete(["vhosts", self.name]) }

    /// Makes it again after ``delete()``; only `guest` may use it then.
    public func makeAgain() async throws { try await self.management.send("PUT", ["vhosts", self.name]) }

    /// Lets all queues whose names match `pattern` end once nobody has used them for so long, or sooner where they say so.
    public func expire(queues pattern: String, after time: Duration) async throws {
        let milliseconds = time.components.seconds * 1000
        let policy = #"{"pattern": "\#(pattern)", "apply-to": "queues", "definition": {"expires": \#(milliseconds)}}"#
        try await self.management.send("PUT", ["policies", self.name, "expiry"], body: policy)
    }

    /// Its queues.
    public func queues() async throws -> [ObservedQueue] {
        // Without the statistics, which lag behind: the counts are those of this moment.
        try await self.management.get(["queues", self.name], query: "disable_stats=true&enable_queue_totals=true")
    }

    /// The queue of that name, if it exists.
    public func queue(_ name: String) async throws -> ObservedQueue? {
        try await self.queues().first { $0.name == name }
    }

    /// Its exchanges, without the broker's own.
    public func exchanges() async throws -> [ObservedExchange] {
        let exchanges: [ObservedExchange] = try await self.management.get(["exchanges", self.name])
        return exchanges.filter { !$0.name.isEmpty && !$0.name.hasPrefix("amq.") }
    }

    /// Its bindings, without those of the default exchange.
    public func bindings() async throws -> [ObservedBinding] {
        let bindings: [ObservedBinding] = try await self.management.get(["bindings", self.name])
        return bindings.filter { !$0.source.isEmpty }
    }

    /// Its consumers; a new one appears a moment later.
    public func consumers() async throws -> [ObservedConsumer] {
        try await self.management.get(["consumers", self.name])
    }

    /// The connections to it; a new one appears within about a second.
    public func connections() async throws -> [ObservedConnection] {
        try await self.management.get(["vhosts", self.name, "connections"])
    }

    /// Closes a connection as an operator would: 320 `CONNECTION_FORCED` with `reason`.
    public func close(_ connection: ObservedConnection, reason: String) async throws {
        try await self.management.delete(["connections", connection.name], headers: ["X-Reason": reason])
    }

    /// Deletes a queue behind its consumers' back.
    public func delete(queue: String) async throws {
        try await self.management.delete(["queues", self.name, queue])
    }

    /// Deletes a queue if there is nothing in it.
    ///
    /// - Returns: Whether it is gone.
    public func deleteIfEmpty(queue: String) async throws -> Bool {
        do {
            try await self.management.delete(["queues", self.name, queue], query: "if-empty=true")
            return true
        } catch let refusal as RabbitMQManagement.Refusal where refusal.status == 400 {
            return false
        }
    }

    /// Deletes an exchange behind its publishers' back.
    public func delete(exchange: String) async throws {
        try await self.management.delete(["exchanges", self.name, exchange])
    }
}
