import Enoki
import EnokiTestSupport
import EnokiTesting
import Foundation
import Testing

/// The password of an address that an error quotes stands in no log, reply or header, wherever the error is thrown.
@Suite struct SecretAddressesTests {
    private struct Unreachable: Error, CustomStringConvertible {
        var description: String { "could not connect to postgres://service:CANARY@db.internal:5432/orders (timeout)" }
    }

    /// Tells callers what it wants, and has an address in what it says besides.
    private struct Refused: RemoteException, CustomStringConvertible {
        static let path = "bank.Refused"
        init() {}
        init?(arguments: [JSONValue]) {}
        var arguments: [JSONValue] { [] }
        var description: String { "\(Unreachable())" }
    }

    /// A result that cannot be encoded.
    private struct Cursed: Encodable, Sendable {
        func encode(to encoder: any Encoder) throws { throw Unreachable() }
    }

    enum Place: String, CaseIterable, Sendable {
        case setup, start, run, stop, dependency, workerSetup, workerResult, workerTeardown, handler, exception, result
    }

    private final class Database: DependencyProvider {
        let place: Place
        init(_ place: Place) { self.place = place }

        private func pass(_ place: Place) throws { if place == self.place { throw Unreachable() } }

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

    private struct Bank: Microservice {
        static let name = "bank"
        let database: Database
        var entrypoints: [any Entrypoint] {
            RPC("ask") { () async throws -> Cursed in
                try work()
                return Cursed()
            }
            EventHandler("on_published", onFailure: .deadLetter) { (_: Published) in try work() }
            Timer("tick", every: .seconds(3600), eager: true) { try work() }
        }

        private func work() throws {
            switch self.database.place {
            case .handler: throw Unreachable()
            case .exception: throw Refused()
            default: break
            }
        }
    }

    /// The secret as it is, and as others would write it.
    private static let forms = ["CANARY", Data("CANARY".utf8).base64EncodedString(), "%43%41%4E%41%52%59"]

    private static func isSecret(_ text: String) -> Bool { self.forms.contains { text.contains($0) } }

    @Test(arguments: Place.allCases) func noSecretLeavesFrom(_ place: Place) async throws {
        let log = LogRecorder()
        let server = InProcessBroker()
        let host = try ServiceHost(
            broker: server.connect(name: "host"),
            services: [Bank(database: Database(place))],
            logger: log.logger
        )
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await server.run() }
            await withTaskGroup(of: Void.self) { hosts in
                hosts.addTask { try? await host.run() }
                guard (try? await host.waitUntilStarted()) != nil else { return }
                do {
                    let _: Int = try await host.rpc("bank", timeout: .seconds(5)).ask()
                } catch {
                    #expect(!Self.isSecret("\(error)"), "\(error)")
                }
                try? await host.dispatch(Published(title: "News"))
                try? await eventually("it is handled") {
                    let queue = server.snapshot()[queue: "evt-press-published--bank.on_published"]
                    return queue.map { $0.ready.isEmpty && $0.unsettledCount == 0 } ?? false || host.isStopping
                }
                host.stop()
            }
            // The letter keeps the body; what is said of the failure is in its headers.
            for letter in server.snapshot()[queue: "evt-press-published--bank.on_published.dead"]?.ready ?? [] {
                #expect(!Self.isSecret("\(letter.properties)"), "\(letter.properties)")
            }
            group.cancelAll()
        }
        #expect(!log.entries.isEmpty)
        for entry in log.entries { #expect(!Self.isSecret("\(entry)"), "\(entry)") }
        // Else nothing was proved: the error was told, without the secret.
        if place != .exception {
            #expect(log.entries.contains { "\($0)".contains("db.internal") }, "\(log.entries)")
        }
    }
}
