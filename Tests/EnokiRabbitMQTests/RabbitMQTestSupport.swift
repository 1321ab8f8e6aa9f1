import EnokiBroker
import EnokiRabbitMQ
import EnokiTestSupport
import Foundation
import Logging

extension String {
    /// A name that no other test uses.
    static func unique(_ prefix: String) -> String { "\(prefix)-\(UUID().uuidString.lowercased())" }
}

/// Runs a broker on the tests' RabbitMQ around `body`.
func withRabbitMQ<Result: Sendable>(
    _ change: @Sendable (inout RabbitMQConfiguration) -> Void = { _ in },
    logger: Logger = .silent,
    _ body: @Sendable (RabbitMQBroker) async throws -> Result
) async throws -> Result {
    var configuration = try RabbitMQConfiguration(uri: TestEnvironment.amqpURI)
    change(&configuration)
    let broker = RabbitMQBroker(configuration: configuration, logger: logger)
    async let served: Void = broker.run()
    do {
        let result = try await body(broker)
        return result
    } catch {
        throw error
    }
}

extension Logger {
    /// Says nothing.
    static var silent: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
}

/// Passes values from a transport's thread to a test.
final class Mailbox<Value: Sendable>: Sendable {
    struct TimedOut: Error {}

    private let state = Locked([Value]())
    private let arrived = Signal()

    func put(_ value: Value) {
        self.state.withLock { $0.append(value) }
        self.arrived.signal()
    }

    /// The next value; waits for it.
    func next(timeout: Duration = .seconds(20)) async throws -> Value {
        let deadline = ContinuousClock.now + timeout
        while true {
            if let value = self.state.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) { return value }
            if ContinuousClock.now >= deadline { throw TimedOut() }
            await withTaskGroup { group in
                group.addTask { await self.arrived.wait() }
                group.addTask { try? await Task.sleep(until: deadline) }
                await group.next()
                group.cancelAll()
            }
        }
    }
}
