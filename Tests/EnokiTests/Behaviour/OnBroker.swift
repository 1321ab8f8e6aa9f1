import Enoki
import EnokiTestSupport
import EnokiTesting

/// Runs services on `broker`, in a world of its own.
@discardableResult
func withServices<Value: Sendable>(
    _ services: any Microservice...,
    on broker: TestBroker,
    settings: ServiceSettings = ServiceSettings(),
    _ body: (Cluster) async throws -> Value
) async throws -> Value {
    try await broker.withConnections { connect in
        try await withServices(services, settings: settings, connect: connect, patience: .seconds(60), body)
    }
}
