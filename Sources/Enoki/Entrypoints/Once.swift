/// Calls a method once, when the service and the others of its ``ServiceHost`` have started.
///
/// ```swift
/// Once("warm_up", warmUp)
/// ```
public struct Once: Entrypoint, WithoutArguments {
    /// The name.
    public let name: String

    private let method: @Sendable () async throws -> Void

    /// A call of `method` at start.
    public init(_ name: String, _ method: @escaping @Sendable () async throws -> Void) {
        self.name = name
        self.method = method
    }

    /// Needs nothing.
    public func bind(to container: ServiceContainer) throws -> any BoundEntrypoint {
        BoundOnce(once: self, container: container)
    }

    package func method(for message: Message, _ codecs: Codecs) -> @Sendable () async throws -> any Sendable {
        let method = self.method
        return {
            try await method()
            return NoReply()
        }
    }

    private struct BoundOnce: BoundEntrypoint {
        let once: Once
        let container: ServiceContainer

        var summary: EntrypointSummary { EntrypointSummary(kind: "Once", name: self.once.name, trigger: "at start") }

        func start() async throws {}
        func stop() async {}

        func run() async throws {
            guard await self.container.waitUntilAllHaveStarted() else { return }
            let method = self.once.method
            _ = await self.container.spawnWorker(for: self.once.name) {
                try await method()
                return NoReply()
            }
        }
    }
}
