import Enoki
import EnokiTestSupport

/// Writes down what it is asked to do.
final class Diary: DependencyProvider {
    let entries = Shelf<String>()
    let name: String
    let failing: String?

    init(_ name: String, failing: String? = nil) {
        self.name = name
        self.failing = failing
    }

    private func write(_ hook: String) throws {
        self.entries.put(hook)
        if hook == self.failing { throw Boom(reason: "\(self.name) \(hook)") }
    }

    func setup(_ container: ServiceContainer) async throws { try self.write("setup") }
    func start() async throws { try self.write("start") }
    func stop() async throws { try self.write("stop") }
    func kill() { self.entries.put("kill") }
    func dependency(for context: WorkerContext) async throws -> String {
        try self.write("dependency")
        return "for \(context.entrypoint)"
    }
    func workerSetup(_ context: WorkerContext) async throws { try self.write("workerSetup") }
    func workerResult(_ context: WorkerContext, _ outcome: Outcome) async throws {
        try self.write(outcome.error == nil ? "workerResult" : "workerResult of an error")
    }
    func workerTeardown(_ context: WorkerContext) async throws { try self.write("workerTeardown") }
}

/// A service with a provider whose hooks are written down.
struct Journal: Microservice {
    static let name = "journal"
    let diary: Diary
    var entrypoints: [any Entrypoint] {
        RPC("value") { () async throws -> String in
            diary.entries.put("method")
            return try diary.current
        }
        RPC("boom") { () async throws -> String in throw Boom(reason: "method") }
    }
}
