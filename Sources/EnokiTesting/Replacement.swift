import Enoki

/// A value that stands in for what a dependency provider gives to workers.
///
/// ```swift
/// try await withServices(Orders(), replacing: [Replacement(\Orders.session, with: FakeSession())]) { cluster in … }
/// ```
///
/// The provider's own hooks are not called. A provider that a service uses directly, not by its `current` value, is
/// replaced where it is made: `Orders(store: FakeStore())`.
public struct Replacement: Sendable {
    private let replace: @Sendable (any Microservice) -> (ObjectIdentifier, any Sendable)?

    /// Gives `value` to the workers of each `Service` instead of what its provider at `provider` makes.
    public init<Service: Microservice, Provider: DependencyProvider>(
        _ provider: any KeyPath<Service, Provider> & Sendable,
        with value: Provider.Dependency
    ) {
        self.replace = { service in
            (service as? Service).map { (ObjectIdentifier($0[keyPath: provider]), value) }
        }
    }

    func apply(to service: any Microservice, in values: inout [ObjectIdentifier: any Sendable]) {
        guard let (provider, value) = self.replace(service) else { return }
        values[provider] = value
    }
}
