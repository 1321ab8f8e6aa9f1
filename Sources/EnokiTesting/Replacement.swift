public import Enoki

/// A value that stands in for what a dependency provider gives to workers.
///
/// ```swift
/// try await withServices(Orders(), replacing: [Replacement(\Orders.session, with: FakeSession())]) { cluster in … }
/// ```
///
/// The provider's own hooks are not called. A provider that a service uses directly, not by its `current` value, is
/// replaced where it is made, `Orders(store: FakeStore())`; the calls of an `RPCProxy` are answered by an ``RPCStub``.
public struct Replacement: Sendable {
    private let service: String
    private let provider: String
    private let replacesValue: Bool
    private let replace: @Sendable (any Microservice) -> (ObjectIdentifier, any Sendable)?

    /// Gives `value` to the workers of each `Service` instead of what its provider at `provider` makes.
    public init<Service: Microservice, Provider: DependencyProvider>(
        _ provider: any KeyPath<Service, Provider> & Sendable,
        with value: Provider.Dependency
    ) {
        self.service = "\(Service.self)"
        self.provider = "\(Provider.self)"
        self.replacesValue = Provider.Dependency.self != Void.self
        self.replace = { service in
            (service as? Service).map { (ObjectIdentifier($0[keyPath: provider]), value) }
        }
    }

    /// - Throws: `ConfigurationError` when the provider is a dependency of none of `services`.
    func apply(to services: [any Microservice], in values: inout [ObjectIdentifier: any Sendable]) throws {
        guard self.replacesValue else {
            throw ConfigurationError(
                "a replacement is for a \(self.provider) of \(self.service), which gives no value to workers but is used "
                    + "directly: replace it where the service is made, or, if it is an RPCProxy, answer its calls with `stubbing`"
            )
        }
        var isApplied = false
        for service in services {
            guard let (provider, value) = self.replace(service) else { continue }
            guard service.dependencies.contains(where: { ObjectIdentifier($0) == provider }) else {
                throw ConfigurationError(
                    "a replacement names a provider that '\(type(of: service).name)' does not keep: make it a stored "
                        + "property, or list it in the service's `dependencies`"
                )
            }
            values[provider] = value
            isApplied = true
        }
        guard isApplied else {
            throw ConfigurationError(
                "a replacement is for \(self.service), which is not among the services of the test"
            )
        }
    }
}
