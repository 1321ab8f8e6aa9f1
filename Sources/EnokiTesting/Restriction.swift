public import Enoki

/// The only entrypoints of a service that are started in a test; the others neither fire nor declare their queues.
///
/// ```swift
/// try await withServices(Orders(), restricting: [Restriction(Orders.self, to: "place")]) { cluster in … }
/// ```
///
/// Those that are not started can still be called with ``Cluster/entrypoint(_:_:instance:contextData:)``.
public struct Restriction: Sendable {
    private let service: any Microservice.Type
    private let entrypoints: [String]

    /// Restricts each `service` of the test to the entrypoints of these names; without names it starts none.
    public init<Service: Microservice>(_ service: Service.Type, to entrypoints: String...) {
        self.service = service
        self.entrypoints = entrypoints
    }

    /// - Throws: `ConfigurationError` for a service that the test has not, and for an entrypoint that the service has not.
    func apply(to services: [any Microservice], in restrictions: inout [String: Set<String>]) throws {
        let concerned = services.filter { type(of: $0) == self.service }
        let name = self.service.name
        guard !concerned.isEmpty else {
            throw ConfigurationError(
                "a restriction is for \(self.service), which is not among the services of the test"
            )
        }
        let known = concerned.flatMap { $0.entrypoints.map(\.name) }
        for entrypoint in self.entrypoints where !known.contains(entrypoint) {
            throw ConfigurationError(
                "service '\(name)' cannot be restricted to '\(entrypoint)', which it has not"
                    + Suggestion.text(for: entrypoint, among: known)
            )
        }
        restrictions[name, default: []].formUnion(self.entrypoints)
    }
}
