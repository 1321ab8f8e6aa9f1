/// A service: a Swift type with a name, dependency providers as stored properties, and entrypoints.
///
/// ```swift
/// struct Greeter: Microservice {
///     static let name = "greeter"
///
///     let events = EventDispatcher()
///
///     var entrypoints: [any Entrypoint] {
///         RPC("hello", "name", method: hello)
///     }
///
///     func hello(name: String) async throws -> String {
///         try await events.dispatch("greeted", name)
///         return "Hello, \(name)!"
///     }
/// }
/// ```
///
/// One value serves all calls of a container, many at once: state that calls share belongs into a dependency provider or
/// an actor.
public protocol Microservice: Sendable {
    /// The name: part of queue names and routing keys, so it may not be empty nor hold a dot, a wildcard or a space, and a
    /// new name is a new service.
    static var name: String { get }

    /// What calls the service: RPC methods, event handlers, timers and others.
    @EntrypointBuilder var entrypoints: [any Entrypoint] { get }

    /// The dependency providers; by default all that are stored properties of the service.
    var dependencies: [any DependencyProvider] { get }
}

extension Microservice {
    /// The stored properties that are dependency providers.
    public var dependencies: [any DependencyProvider] {
        var found: [any DependencyProvider] = []
        var mirror: Mirror? = Mirror(reflecting: self)
        while let current = mirror {
            found += current.children.compactMap { $0.value as? any DependencyProvider }
            mirror = current.superclassMirror
        }
        return found
    }
}
