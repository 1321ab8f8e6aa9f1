import Enoki
import Logging

/// The rows that are measured. A tenth of the messages goes before, to warm up.
enum Row: String {
    /// Dispatches persistent events, 256 tasks at once, each awaiting its confirm.
    case publish
    /// Handles the events that a queue holds already, and acknowledges each.
    case drain
    /// Calls a service in the same process through the broker, one call after the other.
    case oneCall = "rpc-1"
    /// The same by 64 tasks at once.
    case manyCalls = "rpc-64"

    /// Measures the row with `messages` messages on `broker`; returns its line.
    func measure(_ messages: Int, on broker: any Broker) async throws -> String {
        switch self {
        case .publish: try await publishEvents(messages, on: broker)
        case .drain: try await drainEvents(messages, on: broker)
        case .oneCall: try await makeCalls(messages, outstanding: 1, on: broker)
        case .manyCalls: try await makeCalls(messages, outstanding: 64, on: broker)
        }
    }
}

/// Runs `services` on `broker`, with a prefetch of 100, as long as `body` runs.
func withServices<Result: Sendable>(
    _ services: [any Microservice],
    on broker: any Broker,
    _ body: @escaping @Sendable @concurrent (ServiceHost) async throws -> Result
) async throws -> Result {
    var settings = ServiceSettings()
    settings.prefetch = 100
    var logger = Logger(label: "benchmark")
    logger.logLevel = .warning
    let host = try ServiceHost(broker: broker, services: services, settings: settings, logger: logger)
    return try await withThrowingTaskGroup { group in
        group.addTask {
            try await host.run()
            return Result?.none
        }
        group.addTask {
            try await host.waitUntilStarted()
            defer { host.stop() }
            return try await body(host)
        }
        var result: Result?
        for try await part in group { result = result ?? part }
        guard let result else { throw WrongAnswer() }
        return result
    }
}
