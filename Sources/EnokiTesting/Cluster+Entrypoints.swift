public import Enoki

extension Cluster {
    /// Expects that an entrypoint of a service is called from now on.
    ///
    /// - Parameters:
    ///   - service: The service.
    ///   - entrypoint: The name of the entrypoint.
    ///   - count: How often it is expected to be called, at least; 0 is never, see ``Expectation/never()``.
    ///   - patience: How long the test waits for it, in real time; `nil` is the patience of the test.
    ///   - matches: Which calls count, by their arguments, context, result or error; by default all. What it throws fails the
    ///     expectation.
    public func expect<Service: Microservice>(
        _ service: Service.Type,
        _ entrypoint: String,
        count: Int = 1,
        within patience: Duration? = nil,
        where matches: @escaping @Sendable (RecordedCall) throws -> Bool = { _ in true }
    ) -> Expectation {
        let expectation = Expectation(
            service: service.name,
            entrypoint: entrypoint,
            count: count,
            surroundings: self.surroundings(patience),
            matches: matches
        )
        self.recorder.add(expectation)
        do {
            _ = try self.find(service, entrypoint, instance: nil)
        } catch {
            expectation.fail(error)
        }
        return expectation
    }

    /// An entrypoint to be called without a message: an RPC method, an event handler, a timer, a call at start or a
    /// ``Dummy``.
    ///
    /// - Parameters:
    ///   - service: The service.
    ///   - entrypoint: The name of the entrypoint.
    ///   - instance: The process of the service, as in ``RecordedCall/instance``; `nil` is the first.
    ///   - contextData: The context data of the call, such as `["user_id": 7]`.
    public func entrypoint<Service: Microservice>(
        _ service: Service.Type,
        _ entrypoint: String,
        instance: Int? = nil,
        contextData: Headers = [:]
    ) -> DirectEntrypoint {
        DirectEntrypoint(
            target: Result { () throws(ExpectationError) in
                try self.target(service, entrypoint, instance: instance)
            },
            data: contextData,
            surroundings: self.surroundings()
        )
    }

    /// The container of a service.
    ///
    /// - Parameters:
    ///   - service: The service.
    ///   - instance: Its process, as in ``RecordedCall/instance``; `nil` is the first.
    /// - Throws: ``ExpectationError`` when there is none.
    public func container<Service: Microservice>(
        of service: Service.Type,
        instance: Int? = nil
    ) throws(ExpectationError) -> ServiceContainer {
        let containers = self.hosts.enumerated().flatMap { index, host in host.containers.map { (index, $0) } }
            .filter { $0.1.name == service.name }
        guard let first = containers.first else {
            let names = self.hosts.flatMap { $0.containers.map(\.name) }
            let suggestion = Suggestion.text(for: service.name, among: names)
            throw ExpectationError("service '\(service.name)' is not among the services of the test\(suggestion)")
        }
        guard let instance else { return first.1 }
        guard let container = containers.first(where: { $0.0 == instance }) else {
            let known = containers.map { "\($0.0)" }.joined(separator: ", ")
            throw ExpectationError("service '\(service.name)' has no instance \(instance): it has \(known)")
        }
        return container.1
    }

    private func target<Service: Microservice>(
        _ service: Service.Type,
        _ entrypoint: String,
        instance: Int?
    ) throws(ExpectationError) -> DirectEntrypoint.Target {
        let (container, found) = try self.find(service, entrypoint, instance: instance)
        guard let callable = found as? any DirectlyCallable else {
            throw ExpectationError(
                "\(service.name).\(entrypoint) is a \(type(of: found)), which cannot be called without what fires it: test "
                    + "its method with `withWorker`, or let it fire"
            )
        }
        return DirectEntrypoint.Target(container: container, entrypoint: callable, codecs: self.codecs)
    }

    private func find<Service: Microservice>(
        _ service: Service.Type,
        _ name: String,
        instance: Int?
    ) throws(ExpectationError) -> (ServiceContainer, any Entrypoint) {
        let container = try self.container(of: service, instance: instance)
        let entrypoints = container.declaredEntrypoints
        guard let entrypoint = entrypoints.first(where: { $0.name.hasSameBytes(as: name) }) else {
            let suggestion = Suggestion.text(for: name, among: entrypoints.map(\.name))
            throw ExpectationError("service '\(service.name)' has no entrypoint '\(name)'\(suggestion)")
        }
        return (container, entrypoint)
    }

    private func surroundings(_ patience: Duration? = nil) -> Expectation.Surroundings {
        Expectation.Surroundings(
            patience: patience ?? self.patience,
            waitUntilQuiet: { try await self.waitUntilQuiet() },
            report: { await self.report() }
        )
    }
}
