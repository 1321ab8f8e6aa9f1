import Enoki
import Logging

/// Tells of every call: which entrypoint, and who or what called it. A dependency provider that takes part in each call.
actor Narrator: DependencyProvider {
    /// One call.
    struct Line: Sendable {
        /// Service and entrypoint, such as `stock.level`.
        var call: String
        /// Why it runs, such as `call from orders.place`.
        var cause: String
        /// How many calls led to it.
        var depth: Int
    }

    private let tell: @Sendable (Line, WorkerContext) -> Void
    private var entrypoints: [String: EntrypointSummary] = [:]

    /// A narrator that writes to the log.
    init() {
        self.init { line, context in context.logger.info("\(line.call): \(line.cause)") }
    }

    init(_ tell: @escaping @Sendable (Line, WorkerContext) -> Void) { self.tell = tell }

    func setup(_ container: ServiceContainer) {
        for entrypoint in container.entrypoints { entrypoints[entrypoint.name] = entrypoint }
    }

    func workerSetup(_ context: WorkerContext) {
        let call = "\(context.service).\(context.entrypoint)"
        tell(Line(call: call, cause: cause(of: context), depth: context.callIDStack.count - 1), context)
    }

    private func cause(of context: WorkerContext) -> String {
        let trigger = entrypoints[context.entrypoint]?.trigger ?? "?"
        // A call id is `<service>.<method>.<uuid>`.
        let caller = context.immediateParentCallID?.split(separator: ".").dropLast().joined(separator: ".") ?? "?"
        return switch entrypoints[context.entrypoint]?.kind {
        case "RPC": "call from \(caller)"
        case "EventHandler": "event \(trigger) from \(caller)"
        default: trigger
        }
    }
}
