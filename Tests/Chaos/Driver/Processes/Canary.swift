import ChaosLedger
import Enoki
import EnokiBroker
import EnokiRabbitMQ
import EnokiTestSupport
import Logging

/// Sends single events and calls, straight to the broker, to see whether they are answered.
struct Canary: Sendable {
    let host: ServiceHost
    private let ledger: LedgerWriter
    private let sent = Locked(0)

    /// Runs `body` with a canary.
    static func with<Result: Sendable>(_ run: Run, _ body: (Canary) async throws -> Result) async throws -> Result {
        let logger = Logger(label: "canary") { _ in SwiftLogNoOpLogHandler() }
        let configuration = try RabbitMQConfiguration(uri: run.host.uri + "?heartbeat=2")
        let broker = RabbitMQBroker(configuration: configuration, logger: logger)
        let host = try ServiceHost(broker: broker, logger: logger)
        let canary = Canary(host: host, ledger: try LedgerWriter(folder: run.folder, name: "driver"))
        async let served: Void = host.run()
        let result: Swift.Result<Result, any Error>
        do {
            result = .success(try await body(canary))
        } catch {
            result = .failure(error)
        }
        host.stop()
        try await served
        return try result.get()
    }

    /// Sends an event, until that is confirmed.
    func sendEvent() async throws -> MessageID {
        let number = self.sent.withLock { sent in
            defer { sent += 1 }
            return sent
        }
        let id = MessageID(producer: 0, sequence: number)
        try await eventually("an event of the driver is confirmed") {
            self.ledger.write(.sent, id)
            let options = PublishOptions(mandatory: true, timeout: .seconds(5))
            try await self.host.dispatch(Tick(id, work: 0), options: options)
            self.ledger.write(.confirmed, id)
            return true
        }
        return id
    }

    /// Sends an event and waits until it is handled `times` times.
    ///
    /// - Returns: How long that took.
    func answers(_ watch: LedgerWatch, times: Int = 1, within limit: Duration) async throws -> Duration {
        let start = Instant.now
        let id = try await self.sendEvent()
        var handled = 0
        try await eventually("event \(id) of the driver is handled", within: limit) {
            handled += try watch.poll().count { $0.act == .done && $0.message == id }
            return handled >= times
        }
        return .now - start
    }
}
