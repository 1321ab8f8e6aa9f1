import Enoki
import EnokiInProcess
import EnokiTestSupport
import Foundation

@testable import EnokiRunner

/// A service whose parts fail and say why: with the address that they could not reach, its password included.
struct Bank: Microservice {
    static let name = "bank"

    /// Where something of the service's life goes wrong.
    enum Stage: String, CaseIterable, Sendable {
        case setup, start, run, stop, dependency, workerSetup, workerResult, workerTeardown, timer, once
    }

    /// How a call fails.
    enum Fault: String, CaseIterable, Sendable, Codable {
        case error, wrapped, remoteException, relayed, reject, retry, decoding, encoding, local, reflected, cause
    }

    struct Unreachable: Error, CustomStringConvertible {
        let canary: Canary
        var description: String {
            "could not connect to postgres://service:\(self.canary.text)@db.internal:5432/orders (timeout)"
        }
    }

    private struct Wrapped: Error {
        let underlying: Unreachable
        let attempts = 3
    }

    private struct Refused: RemoteException, CustomStringConvertible {
        static let path = "bank.Refused"
        var reason = ""
        init(_ reason: String) { self.reason = reason }
        init?(arguments: [JSONValue]) {}
        var arguments: [JSONValue] { [] }
        var description: String { self.reason }
    }

    private struct Local: LocalizedError {
        let address: String
        var errorDescription: String? { "no way to \(self.address)" }
    }

    private struct Cursed: Encodable, Sendable {
        let canary: Canary
        func encode(to encoder: any Encoder) throws { throw Unreachable(canary: self.canary) }
    }

    private final class Database: DependencyProvider {
        let stage: Stage?
        let canary: Canary
        init(_ stage: Stage?, _ canary: Canary) {
            self.stage = stage
            self.canary = canary
        }

        private func pass(_ stage: Stage) throws { if stage == self.stage { throw Unreachable(canary: self.canary) } }

        func setup(_ container: ServiceContainer) async throws { try self.pass(.setup) }
        func start() async throws { try self.pass(.start) }
        func run() async throws { try self.pass(.run) }
        func stop() async throws { try self.pass(.stop) }
        func dependency(for context: WorkerContext) async throws -> Int {
            try self.pass(.dependency)
            return 1
        }
        func workerSetup(_ context: WorkerContext) async throws { try self.pass(.workerSetup) }
        func workerResult(_ context: WorkerContext, _ outcome: Outcome) async throws { try self.pass(.workerResult) }
        func workerTeardown(_ context: WorkerContext) async throws { try self.pass(.workerTeardown) }
    }

    /// What fails, and which canary it says: messages hold no secret themselves.
    struct Order: Codable, Sendable {
        let fault: Fault?
        let canary: Int
    }

    private let database: Database
    private let stage: Stage?
    private let canaries: [Canary]

    var dependencies: [any DependencyProvider] { [self.database] }

    init(_ canaries: [Canary], failingAt stage: Stage? = nil) {
        self.canaries = canaries
        self.stage = stage
        self.database = Database(stage, canaries[0])
    }

    var entrypoints: [any Entrypoint] {
        RPC("ask", "order", method: ask)
        RPC("expect", "order", expecting: [Unreachable.self], method: ask)
        RPC("insist", "order", onFailure: .retry(upTo: 2, .none), method: ask)
        RPC("encode", "order") { (order: Order) in Cursed(canary: canaries[order.canary]) }
        EventHandler("give_up", of: "press", "once", onFailure: .deadLetter) { (order: Order) in try await fail(order) }
        EventHandler("keep_on", of: "press", "twice", onFailure: .retry(upTo: 2, .none)) { (order: Order) in
            try await fail(order)
        }
        EventHandler("forget", of: "press", "lost", onFailure: .discard) { (order: Order) in try await fail(order) }
        Timer("tick", every: .seconds(3600), eager: true) { try fail(at: .timer) }
        Once("begin") { try fail(at: .once) }
    }

    private func fail(at stage: Stage) throws { if stage == self.stage { throw Unreachable(canary: self.canaries[0]) } }

    private func ask(order: Order) async throws -> Int {
        try await self.fail(order)
        return 1
    }

    private func fail(_ order: Order) async throws {
        let error = Unreachable(canary: self.canaries[order.canary])
        switch order.fault {
        case nil: break
        case .error: throw error
        case .wrapped: throw Wrapped(underlying: error)
        case .remoteException: throw Refused(error.description)
        // As another service has raised it, which hides nothing.
        case .relayed:
            throw RemoteError(type: "OperationalError", value: error.description)
        case .reject: throw Reject(reason: error.description)
        case .retry: throw Retry(after: .zero)
        case .decoding:
            throw DecodingError.dataCorrupted(
                .init(codingPath: [], debugDescription: error.description, underlyingError: error)
            )
        case .encoding:
            throw EncodingError.invalidValue(error, .init(codingPath: [], debugDescription: error.description))
        case .local: throw Local(address: "amqp://service:\(error.canary.percentEncoded)@host")
        case .reflected:
            throw ConfigurationError(
                String(reflecting: ["url": "postgres://service:\(error.canary.inJSON)@db.internal/"])
            )
        case .cause: throw BrokerError(.connectionFailed, error.description)
        }
    }
}

extension Bank {
    /// Runs the service, and `body` with it. All that it said: the log, what the broker has, what `run` threw as a runner says it.
    static func said(
        by bank: Bank,
        _ body: @escaping @Sendable (ServiceHost, InProcessBroker) async throws -> [String]
    ) async throws -> [String] {
        let log = LogRecorder()
        let server = InProcessBroker()
        var settings = ServiceSettings()
        settings.maxWorkers = 50
        let host = try ServiceHost(
            broker: server.connect(name: "host"),
            services: [bank],
            settings: settings,
            logger: log.logger
        )
        let said = await withTaskGroup(of: [String].self) { group in
            group.addTask {
                try? await server.run()
                return []
            }
            group.addTask {
                do {
                    try await host.run()
                    return []
                } catch {
                    let failure = ServiceFailure(cause: error)
                    return [FailureText.withoutCredentials(of: failure, maximumLength: 16_384)]
                }
            }
            group.addTask {
                guard (try? await host.waitUntilStarted()) != nil else { return [] }
                defer { host.stop() }
                do { return try await body(host, server) } catch { return ["\(error)"] }
            }
            var said: [String] = []
            // The body and the host; then the broker has nothing more to do.
            for _ in 0..<2 { said += await group.next() ?? [] }
            group.cancelAll()
            return said
        }
        return said + log.entries.map { "\($0)" } + ["\(server.snapshot())"]
    }
}
