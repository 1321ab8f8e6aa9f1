/// Publishes the events of the service that it is a dependency of, to the topic exchange `<service>.events`.
///
/// ```swift
/// let events = EventDispatcher()
///
/// try await events.dispatch(OrderPlaced(id: 7, total: 12))    // by contract
/// try await events.dispatch("order.placed", ["id": 7])        // by name, as in nameko
/// ```
///
/// Dispatching returns once the broker has the event in every queue that is bound to it. An event that nobody has bound is
/// dropped, unless the options make it mandatory.
public final class EventDispatcher: DependencyProvider {
    private struct Binding: Sendable {
        let service: String
        let publisher: EventPublisher
    }

    private let options: PublishOptions
    private let binding = Locked<Binding?>(nil)

    /// A dispatcher; by default events are persistent, not mandatory, and publishing one takes at most 30 seconds.
    public init(_ options: PublishOptions = PublishOptions()) { self.options = options }

    /// Binds the dispatcher to its service and declares the service's event exchange.
    public func setup(_ container: ServiceContainer) async throws {
        let former = self.binding.withLock { binding in
            defer { binding = Binding(service: container.name, publisher: container.process.events) }
            return binding
        }
        if let former, !former.service.hasSameBytes(as: container.name) {
            throw ConfigurationError(
                "one EventDispatcher is a dependency of both '\(former.service)' and '\(container.name)': give each its own"
            )
        }
        try await container.declareOrUse(EventTopology.exchange(of: container.name, container.process.settings))
    }

    /// Publishes `event`, whose ``Event/source`` must be this service.
    ///
    /// - Throws: `BrokerError` when it was not published, or when that is unknown; `EncodingError`; ``ConfigurationError``
    ///   for another service's event.
    public func dispatch(_ event: some Event) async throws {
        let bound = try self.bound
        let source = type(of: event).source
        guard source.hasSameBytes(as: bound.service) else {
            throw ConfigurationError(
                "\(type(of: event)) is an event of '\(source)', but '\(bound.service)' dispatches it: "
                    + "events are dispatched by the service that they come from"
            )
        }
        try await bound.publisher.publish(type(of: event).type, event, from: source, options: self.options)
    }

    /// Publishes an event of type `type` with `data` as its body.
    ///
    /// - Throws: `BrokerError` when it was not published, or when that is unknown; `EncodingError`.
    public func dispatch(_ type: String, _ data: some Encodable & Sendable) async throws {
        let bound = try self.bound
        try await bound.publisher.publish(type, data, from: bound.service, options: self.options)
    }

    private var bound: Binding {
        get throws {
            guard let binding = self.binding.withLock({ $0 }) else {
                throw ConfigurationError(
                    "this EventDispatcher belongs to no running container: make it a stored property of a service, or list "
                        + "it in the service's `dependencies`"
                )
            }
            return binding
        }
    }
}
