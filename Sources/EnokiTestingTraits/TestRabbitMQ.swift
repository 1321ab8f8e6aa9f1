import EnokiBroker
import EnokiRabbitMQ
import EnokiRabbitMQManagement
import EnokiTesting
import Logging

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The RabbitMQ that tests run on: what the environment says of it.
struct TestRabbitMQ: Sendable {
    /// The variable with the broker's URI; its virtual host is not touched.
    static let brokerVariable = "ENOKI_TEST_AMQP_URI"
    /// The variable with the URI of its HTTP API.
    static let managementVariable = "ENOKI_TEST_MANAGEMENT_URI"

    let configuration: RabbitMQConfiguration
    let management: RabbitMQManagement

    /// Tests on RabbitMQ at once; more would wait for each other's logins, for longer than deadlines allow.
    private static let turnstile = Turnstile(places: 8)
    /// Whether the task has passed it, for tests with one cluster inside another.
    @TaskLocal private static var hasPassed = false

    /// - Throws: ``BrokerUnavailable`` when the environment names none, or none that can be used.
    init(_ environment: [String: String] = ProcessInfo.processInfo.environment) throws(BrokerUnavailable) {
        // Swift Testing's own runs in CI have no other sign.
        let isRequired = environment["CI"].map { !["", "0", "false"].contains($0.lowercased()) } ?? false
        guard let uri = environment[Self.brokerVariable], !uri.isEmpty else {
            throw BrokerUnavailable(
                "no RabbitMQ to test on: set \(Self.brokerVariable), such as to amqp://guest:guest@localhost",
                isRequired: isRequired
            )
        }
        do {
            self.configuration = try RabbitMQConfiguration(uri: uri)
            let managementURI = environment[Self.managementVariable].flatMap { $0.isEmpty ? nil : $0 }
            self.management = try RabbitMQManagement(uri: managementURI ?? Self.managementURI(of: self.configuration))
        } catch let error as BrokerError {
            throw BrokerUnavailable("\(Self.brokerVariable): \(error.message)", isRequired: true)
        } catch {
            throw BrokerUnavailable("\(Self.managementVariable): \(error)", isRequired: true)
        }
    }

    /// Where the management plugin listens when nobody says otherwise.
    private static func managementURI(of configuration: RabbitMQConfiguration) -> String {
        var components = URLComponents()
        components.scheme = configuration.tls == nil ? "http" : "https"
        components.port = configuration.tls == nil ? 15672 : 15671
        components.host = configuration.endpoints.first?.host
        components.user = configuration.user
        components.password = configuration.password.reveal()
        return components.string ?? ""
    }

    /// Why a test that wants RabbitMQ is skipped; `nil` when it is not.
    ///
    /// - Throws: ``BrokerUnavailable`` when it fails.
    static func reasonToSkip() throws -> String? {
        do {
            _ = try TestRabbitMQ()
            return nil
        } catch {
            guard !error.isRequired else { throw error }
            return error.description
        }
    }

    /// Runs `body` with a virtual host of its own, which is removed afterwards.
    func serve(logger: Logger, _ body: (BrokerSite) async throws -> Void) async throws {
        if Self.hasPassed { return try await self.serveAtOnce(logger: logger, body) }
        try await Self.turnstile.pass {
            try await Self.$hasPassed.withValue(true) { try await self.serveAtOnce(logger: logger, body) }
        }
    }

    private func serveAtOnce(logger: Logger, _ body: (BrokerSite) async throws -> Void) async throws {
        var configuration = self.configuration
        configuration.vhost = "enoki-test-\(UUID().uuidString.lowercased().suffix(12))"
        // A broker that is not there shall fail the test, not keep it waiting.
        configuration.failFast = true
        var hasBegun = false
        do {
            try await self.management.withVirtualHost(configuration.vhost, for: [configuration.user]) {
                hasBegun = true
                try await body(
                    BrokerSite { [configuration] _ in RabbitMQBroker(configuration: configuration, logger: logger) }
                )
            }
        } catch {
            guard !hasBegun else { throw error }
            throw BrokerUnavailable(
                "no virtual host for the test: \(self.management.address) said: \(error). Enable the "
                    + "HTTP API with `rabbitmq-plugins enable rabbitmq_management`, and say where it is, with a user who "
                    + "may make virtual hosts, in \(Self.managementVariable): http://user:password@host:15672",
                isRequired: true
            )
        }
    }
}

/// There is no RabbitMQ for a test to run on.
public struct BrokerUnavailable: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is missing, and what to do.
    public let description: String
    /// Whether the test fails: in CI, and where a broker is named and cannot be used. Otherwise it is skipped.
    let isRequired: Bool

    init(_ description: String, isRequired: Bool) {
        self.description = description
        self.isRequired = isRequired
    }
}
