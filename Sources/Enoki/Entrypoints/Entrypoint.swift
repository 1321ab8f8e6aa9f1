/// What calls a service: the registration of a method under something that fires.
///
/// The entrypoints of this module are ``RPC``, ``EventHandler``, ``Timer`` and ``Once``. An entrypoint of one's own conforms
/// to this protocol and to ``BoundEntrypoint``, and calls ``ServiceContainer/spawnWorker(for:headers:timeout:method:)`` when
/// it fires.
public protocol Entrypoint: Sendable {
    /// The name of the method: unique in its service. It is wire data, part of queue names and call ids, and so explicit:
    /// a method may be renamed without orphaning a durable queue.
    var name: String { get }

    /// Makes the entrypoint's running half.
    ///
    /// - Throws: ``ConfigurationError`` for a combination that cannot work; the container then does not start.
    func bind(to container: ServiceContainer) throws -> any BoundEntrypoint
}

/// An entrypoint in a container: starts, fires, stops.
public protocol BoundEntrypoint: Sendable {
    /// What it is, for the people who list a service's entrypoints.
    var summary: EntrypointSummary { get }

    /// Begins to fire, after the dependency providers have started.
    func start() async throws

    /// Runs from the end of ``start()`` until the container has stopped, in a task of its own, also while other entrypoints still
    /// start. An error ends the container; returning does not.
    func run() async throws

    /// Stops firing; calls that it has spawned go on.
    ///
    /// It is waited for only for some seconds, so that a broker that does not answer takes no time from those calls; it may go on when
    /// ``close()`` begins.
    func stop() async

    /// Called when those calls have ended: gives back what is left, and returns once the broker has every acknowledgement. It is waited
    /// for only for some seconds, too.
    func close() async
}

extension BoundEntrypoint {
    /// Returns at once.
    public func run() async throws {}
    /// Does nothing.
    public func close() async {}
}

/// What there is to say of an entrypoint.
public struct EntrypointSummary: Sendable, Hashable {
    /// The kind, such as `RPC` or `EventHandler`.
    public var kind: String
    /// The name.
    public var name: String
    /// What makes it fire, in words, such as `orders.place` or `every 30.0 seconds`.
    public var trigger: String
    /// What it needs on the broker.
    public var topology: Topology
    /// How its calls are handled, on one line, such as `retry up to 5 (after 1s, 2s, 4s, 8s), then dead letter; timeout 10s`;
    /// empty where there is nothing to say.
    public var handling = ""
    /// What it declares at start beside its topology, for messages that are tried again.
    public var retryTopology = Topology()
    /// What it declares when a message needs it: where messages wait, and dead letters. Delays that are known only then, such as
    /// those of `throw Retry(after:)`, are not in it.
    public var laterTopology = Topology()

    /// A summary.
    public init(kind: String, name: String, trigger: String, topology: Topology = Topology()) {
        self.kind = kind
        self.name = name
        self.trigger = trigger
        self.topology = topology
    }
}
