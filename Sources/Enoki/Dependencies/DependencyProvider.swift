/// Gives services what they depend on: a connection pool, a cache, an event dispatcher.
///
/// A provider is a stored property of the service (or listed in ``Microservice/dependencies``) and lives as long as the
/// container: it is set up before the first call and stopped after the last. For a value of its own for each call, such as
/// a database session, it says what ``Dependency`` is, makes one in ``dependency(for:)``, and the service reads it as
/// ``current``.
///
/// All hooks do nothing by default. Those of several providers run at the same time at start and stop, and one after the
/// other, in the order of the service's properties, around each call.
public protocol DependencyProvider: AnyObject, Sendable {
    /// The type of the value that each worker gets; `Void` when there is none.
    associatedtype Dependency: Sendable = Void

    /// Called first: open what is needed. No call is served before all providers are set up.
    func setup(_ container: ServiceContainer) async throws

    /// Called when all providers of the container are set up, and before its entrypoints start.
    func start() async throws

    /// Runs from start to stop, in a task of its own that is cancelled at the end: for what must go on in the background.
    /// An error ends the container; returning does not.
    func run() async throws

    /// Called after the last call has ended: close what was opened. Not called when ``setup(_:)`` has thrown.
    func stop() async throws

    /// Called instead of ``stop()`` when the container is killed: its calls were cancelled. May not wait.
    func kill()

    /// Makes the value of one worker, before ``workerSetup(_:)``. An error fails the call.
    func dependency(for context: WorkerContext) async throws -> Dependency

    /// Called before the method runs, when every provider has made its value. An error fails the call.
    func workerSetup(_ context: WorkerContext) async throws

    /// Called, where ``workerSetup(_:)`` has returned, with what the method returned or threw, before the message is
    /// acknowledged or the caller gets its reply: an error fails the call that would have succeeded, so this is the place
    /// to commit.
    func workerResult(_ context: WorkerContext, _ outcome: Outcome) async throws

    /// Called last, whatever happened, unless the provider had no part in the call yet: it is called where
    /// ``workerSetup(_:)`` has returned or a value was made. An error is logged.
    func workerTeardown(_ context: WorkerContext) async throws
}

extension DependencyProvider {
    /// Does nothing.
    public func setup(_ container: ServiceContainer) async throws {}
    /// Does nothing.
    public func start() async throws {}
    /// Returns at once.
    public func run() async throws {}
    /// Does nothing.
    public func stop() async throws {}
    /// Does nothing.
    public func kill() {}
    /// Does nothing.
    public func workerSetup(_ context: WorkerContext) async throws {}
    /// Does nothing.
    public func workerResult(_ context: WorkerContext, _ outcome: Outcome) async throws {}
    /// Does nothing.
    public func workerTeardown(_ context: WorkerContext) async throws {}

    /// The value of the running worker.
    ///
    /// - Throws: ``ConfigurationError`` outside of a worker of the container that the provider belongs to.
    public var current: Dependency {
        get throws {
            let found = WorkerDependencies.current[ObjectIdentifier(self)]
            if let absence = found as? AbsentDependency { throw absence.error }
            guard let value = found as? Dependency else {
                throw ConfigurationError(
                    "\(Self.self) has a value only inside a worker of a service that it is a dependency of: make it a stored "
                        + "property of the service, or list it in `dependencies`, and read it in a call"
                )
            }
            return value
        }
    }
}

extension DependencyProvider {
    /// Whether it makes a value for each worker.
    package var makesValue: Bool { Dependency.self != Void.self }
}

extension DependencyProvider where Dependency == Void {
    /// Nothing.
    public func dependency(for context: WorkerContext) async throws {}
}

/// The values that providers made for the running worker.
enum WorkerDependencies {
    @TaskLocal static var current: [ObjectIdentifier: any Sendable] = [:]
}

/// Stands where a test has left out a value: reading it throws `error`.
package struct AbsentDependency: Sendable {
    package let error: any Error

    package init(_ error: any Error) { self.error = error }
}
