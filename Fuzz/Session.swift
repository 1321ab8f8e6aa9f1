import Dispatch
import EnokiAMQP
import EnokiBroker
import EnokiInProcess
import EnokiRabbitMQ
import Foundation
import Logging

/// Whole sessions of the transport with the port, over sockets, in which what goes either way is changed: bits, sizes, ends,
/// frames twice, octets in between, and all at once an end. Whatever comes, every call ends.
///
/// The octets are a seed. There are six transports at a time, since one mostly waits; each has two sessions, and another one
/// whenever it has lost one.
func fuzzSession(_ octets: [UInt8]) {
    let seed = octets.prefix(8).reduce(UInt64(octets.count)) { $0 << 8 | UInt64($1) }
    let done = DispatchSemaphore(value: 0)
    // libFuzzer calls, and waits for what is asynchronous.
    Task.detached {
        await withDiscardingTaskGroup { group in
            for number in 0..<HostileTransport.atOnce {
                group.addTask { await HostileTransport(seed: seed &* 31 &+ number).run() }
            }
        }
        done.signal()
    }
    done.wait()
    HostileTransport.report()
}

/// One transport, and sessions with something wrong in them.
private struct HostileTransport: Sendable {
    static let atOnce: UInt64 = 6
    /// After how many sessions it is enough, where somebody says.
    private static let enough = ProcessInfo.processInfo.environment["ENOKI_FUZZ_SESSIONS"].flatMap { Int($0) }
    /// How many sessions there were, and how many messages got through.
    private static let tally = Locked((sessions: 0, confirmed: 0, delivered: 0))
    private static let silent = Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() }
    /// All that costs no more than a moment: a silence would.
    private static let kinds: WireFaultPlan.Kind = [
        .closes, .resets, .halfCloses, .cuts, .wrongEnds, .wrongSizes, .wrongBodySizes, .flips, .duplicates,
        .injections,
    ]

    let seed: UInt64

    static func report() {
        let (sessions, confirmed, delivered) = self.tally.withLock { $0 }
        let text = "\(sessions) sessions: \(confirmed) messages confirmed, \(delivered) delivered\n"
        FileHandle.standardError.write(Data(text.utf8))
        // libFuzzer takes `exit` for a crash.
        if let enough = self.enough, sessions >= enough { _exit(0) }
    }

    func run() async {
        let plan = WireFaultPlan.random(seed: self.seed, rate: 0.03, kinds: Self.kinds)
        do {
            try await InProcessBroker(logger: Self.silent).listen(faults: plan, logger: Self.silent) { port in
                var configuration = try RabbitMQConfiguration(uri: port.uri())
                configuration.reconnect = ReconnectBackoff(initial: .milliseconds(5), maximum: .milliseconds(20))
                configuration.heartbeat = .seconds(1)
                configuration.connectionTimeout = .seconds(1)
                configuration.callTimeout = .milliseconds(500)
                // Asked for them before each login.
                let credentials: @Sendable () -> Credentials? = {
                    Self.tally.withLock { $0.sessions += 1 }
                    return nil
                }
                let broker = RabbitMQBroker(configuration: configuration, credentials: credentials, logger: Self.silent)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await broker.run() }
                    await self.work(with: broker)
                    group.cancelAll()
                    try await group.waitForAll()
                }
            }
        } catch {
            // A port that could not listen tests nothing.
            fatalError("transport \(self.seed): \(error)")
        }
    }

    /// What a service does; each call may fail, and must end.
    private func work(with broker: RabbitMQBroker) async {
        _ = try? await broker.declare(Topology(queues: [Queue("q", durable: true)]))
        _ = try? await broker.consume("q", options: ConsumerOptions(prefetch: 4)) { delivery in
            Self.tally.withLock { $0.delivered += 1 }
            delivery.token.settle(.ack)
        }
        let headers: Headers = ["n": 1, "t": ["u": ["v": .void, "d": .double(1.5)]]]
        for number in 0..<6 {
            let body = [UInt8](repeating: UInt8(number), count: number * 700)
            let message = Message(body: body, properties: BasicProperties(headers: headers))
            let options = PublishOptions(persistent: true, timeout: .milliseconds(300))
            guard (try? await broker.publish(message, to: "", routingKey: "q", options: options)) != nil else {
                continue
            }
            Self.tally.withLock { $0.confirmed += 1 }
        }
        _ = try? await broker.inspect(queue: "q")
    }
}
