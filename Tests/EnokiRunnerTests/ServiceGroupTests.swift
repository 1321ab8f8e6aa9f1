import Enoki
import EnokiInProcess
import EnokiTestSupport
import Logging
import ServiceLifecycle
import Testing

/// Without the runner: hosts and containers are services of anyone's `ServiceGroup`.
@Suite struct ServiceGroupTests {
    struct Greeter: Microservice {
        static let name = "greeter"
        var entrypoints: [any Entrypoint] { RPC("hello", "name", method: hello) }

        func hello(name: String) -> String { "Hello, \(name)!" }
    }

    /// Asks the greeter, and then has the group stop.
    struct Visitor: Service {
        let host: ServiceHost
        let answer: AsyncStream<String>.Continuation

        func run() async throws {
            try await self.host.waitUntilStarted()
            self.answer.yield(try await self.host.rpc("greeter").hello(name: "Ada"))
            self.answer.finish()
        }
    }

    private func answers(_ services: [any Service], host: ServiceHost) async throws -> [String] {
        let (answers, answer) = AsyncStream.makeStream(of: String.self)
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: services.map { .init(service: $0) } + [
                    .init(
                        service: Visitor(host: host, answer: answer),
                        successTerminationBehavior: .gracefullyShutdownGroup
                    )
                ],
                logger: TestBroker.silent
            )
        )
        try await group.run()
        return await answers.reduce(into: []) { $0.append($1) }
    }

    @Test func aHostRunsInAnyonesGroup() async throws {
        let log = LogRecorder()
        let broker = InProcessBroker(logger: log.logger)
        let host = try ServiceHost(broker: broker, services: [Greeter()], logger: log.logger)
        #expect(try await answers([host], host: host) == ["Hello, Ada!"])
        #expect(log.entries.contains { $0.message == "stopped" && $0.metadata["service"] == "greeter" })
    }

    @Test func aContainerOfItsOwnRunsBesideAHost() async throws {
        let log = LogRecorder()
        let host = try ServiceHost(broker: InProcessBroker(logger: log.logger), logger: log.logger)
        let container = try ServiceContainer(Greeter(), host: host)
        let (answers, answer) = AsyncStream.makeStream(of: String.self)
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [
                    .init(service: host), .init(service: container),
                    .init(
                        service: Retrying(host: host, answer: answer),
                        successTerminationBehavior: .gracefullyShutdownGroup
                    ),
                ],
                logger: TestBroker.silent
            )
        )
        try await group.run()
        #expect(await answers.first { _ in true } == "Hello, Ada!")
    }

    /// A visitor that does not know when the container has started.
    struct Retrying: Service {
        let host: ServiceHost
        let answer: AsyncStream<String>.Continuation

        func run() async throws {
            try await self.host.waitUntilStarted()
            let said = try await eventually("the greeter answers") {
                let said: String = try await self.host.rpc("greeter").hello(name: "Ada")
                return said
            } until: {
                !$0.isEmpty
            }
            self.answer.yield(said)
            self.answer.finish()
        }
    }
}
