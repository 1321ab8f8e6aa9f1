import Enoki
import EnokiRabbitMQ
import EnokiTestSupport
import EnokiTesting

/// How long services may take for what goes through two languages, on a busy machine.
let clusterPatience = Duration.seconds(60)

/// Runs nameko's `peer` and Swift services on a virtual host of their own.
func withNameko(
    _ nameko: Nameko,
    _ services: any Microservice...,
    eventsOf source: String = "swift",
    _ body: (Cluster, NamekoPeer) async throws -> Void
) async throws {
    try await nameko.withVirtualHost { host in
        try await NamekoPeer.with(nameko, on: host, eventsOf: source) { peer in
            try await withServices(services, on: host) { try await body($0, peer) }
        }
    }
}

/// Runs Swift services on a virtual host of their own, for nameko's standalone client.
func withNamekoClient(
    _ nameko: Nameko,
    _ services: any Microservice...,
    body: (Cluster, NamekoClient) async throws -> Void
) async throws {
    try await nameko.withVirtualHost { host in
        try await withServices(services, on: host) { try await body($0, NamekoClient(nameko: nameko, host: host)) }
    }
}

/// Runs Swift services on a virtual host.
func withServices<Result: Sendable>(
    _ services: [any Microservice],
    on host: TestVirtualHost,
    _ body: (Cluster) async throws -> Result
) async throws -> Result {
    let configuration = try RabbitMQConfiguration.patient(uri: host.uri)
    let connect = { @Sendable in RabbitMQBroker(configuration: configuration, logger: TestBroker.silent) }
    return try await withServices(services, connect: connect, patience: clusterPatience) { try await body($0) }
}
