import EnokiAMQP
import EnokiBroker
import EnokiInProcess
import EnokiTestSupport
import Logging
import Testing

@testable import EnokiRabbitMQ

/// A transport to a port that does what no broker does, and what has to work all the same.
enum HostilePeer {
    static let impatiently: @Sendable (inout RabbitMQConfiguration) -> Void = {
        $0.reconnect = ReconnectBackoff(initial: .milliseconds(10), maximum: .milliseconds(100))
        $0.heartbeat = .seconds(1)
        $0.connectionTimeout = .seconds(1)
        $0.callTimeout = .seconds(1)
    }

    /// For what must not cost a connection: a machine that stands still for some seconds is not taken for a broker that is silent.
    static let patiently: @Sendable (inout RabbitMQConfiguration) -> Void = {
        $0.reconnect = ReconnectBackoff(initial: .milliseconds(10), maximum: .milliseconds(100))
        $0.heartbeat = .seconds(5)
        $0.connectionTimeout = .seconds(30)
        $0.callTimeout = .seconds(30)
    }

    /// The errors after which it may help to try again.
    static let passing: [BrokerError.Code] = [
        .timedOut, .outcomeUnknown, .notSent, .connectionLost, .protocolViolation,
    ]

    /// Runs a transport to a port where something goes wrong.
    static func withTransport<Result: Sendable>(
        _ faults: WireFaultPlan,
        _ change: @Sendable (inout RabbitMQConfiguration) -> Void = HostilePeer.impatiently,
        logger: Logger = .silent,
        _ body: @Sendable (RabbitMQBroker, AMQPPort) async throws -> Result
    ) async throws -> Result {
        try await InProcessBroker(logger: .silent).listen(faults: faults, logger: .silent) { port in
            try await withTransportBroker(to: port.uri(), change, logger: logger) { try await body($0, port) }
        }
    }

    /// What has to work in the end, whatever happened before: to declare, to consume, to publish with a confirm.
    static func expectWork(_ broker: RabbitMQBroker, messages: Int = 3) async throws {
        let queue = Queue("work", durable: true)
        try await self.insist { try await broker.declare(Topology(queues: [queue])) }
        let handled = Locked<Set<String>>([])
        try await self.insist {
            _ = try await broker.consume(queue.name, options: ConsumerOptions(prefetch: 2)) { delivery in
                handled.withLock { _ = $0.insert(String(decoding: delivery.message.body, as: UTF8.self)) }
                delivery.token.settle(.ack)
            }
        }
        let options = PublishOptions(persistent: true, timeout: .seconds(1))
        for number in 0..<messages {
            try await self.insist {
                try await broker.publish(Message("\(number)"), to: "", routingKey: queue.name, options: options)
            }
        }
        let expected = Set((0..<messages).map(String.init))
        try await EnokiTestSupport.eventually("all is handled", equals: expected) { handled.withLock { $0 } }
        await broker.reaches { $0 == .connected }
    }

    /// Does it again where the error says that it may help.
    static func insist<Result>(_ call: () async throws -> Result) async throws -> Result {
        while true {
            do {
                return try await call()
            } catch let error as BrokerError where Self.passing.contains(error.code) {
                try Task.checkCancellation()
            }
        }
    }

    static func expectRecovery(from faults: WireFault...) async throws {
        let recorder = LogRecorder()
        try await self.withTransport(WireFaultPlan(faults), logger: recorder.logger) { broker, port in
            do {
                try await self.expectWork(broker)
                #expect(port.faults == faults)
            } catch {
                Issue.record(error, "\(faults): \(recorder.recorded.suffix(20))")
            }
        }
    }
}
