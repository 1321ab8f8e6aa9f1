/// What a test changes in a process; nothing by default.
package struct ProcessOverrides: Sendable {
    /// Values that stand in for those of dependency providers, whose hooks are then not called.
    package var replacements: [ObjectIdentifier: any Sendable] = [:]
    /// For services by name the only entrypoints that are started.
    package var restrictions: [String: Set<String>] = [:]
    /// Where ids come from.
    package var ids = IDSource.random
    /// Told of every call.
    package var observe: WorkerObserver?
    /// What sends requests, made of what would send them otherwise.
    package var intercept: (@Sendable (any RequestSender) -> any RequestSender)?

    /// Gives numbers from 0 to 1, by which the delays of retries differ.
    package var chance: @Sendable () -> Double = { Double.random(in: 0...1) }
    /// The wall clock, in seconds since 1970.
    package var unixTime: @Sendable () -> UInt64 = { Enoki.unixTime() }

    package init() {}
}

/// What an observer is told.
package enum WorkerEvent: Sendable {
    /// A worker begins with a call.
    case started(WorkerContext)
    /// A call has ended and its hooks have run.
    case ended(WorkerContext, Outcome)
    /// No worker took a message: it cannot be read, or what it calls does not exist.
    case refused(service: String, entrypoint: String, any Error)
}

/// Is told of calls, by the task that works on them.
package typealias WorkerObserver = @Sendable (WorkerEvent) -> Void
