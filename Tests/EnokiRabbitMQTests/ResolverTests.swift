import Dispatch
import EnokiBroker
import EnokiTestSupport
import EnokiTestTraits
import Testing

@testable import EnokiRabbitMQ

@Suite(.timeLimit(.minutes(5))) struct ResolverTests {
    /// A resolver that answers when it is told to.
    private final class SlowSystem: Sendable {
        private let isTold = DispatchSemaphore(value: 0)
        let questions = Locked(0)

        func lookUp(_ host: String) -> Result<[String], Resolver.Failure> {
            self.questions.withLock { $0 += 1 }
            self.isTold.wait()
            return .success(["192.0.2.1"])
        }

        func answer() { self.isTold.signal() }
    }

    @Test func anAddressIsNotLookedUp() throws {
        let resolver = Resolver(waker: Waker()) { .failure(.init(reason: "looked up \($0)")) }
        for address in ["127.0.0.1", "::1", "192.0.2.1"] {
            #expect(try resolver.addresses(of: address, within: .seconds(10)) == [address])
        }
        #expect(throws: Resolver.Failure.self) { try resolver.addresses(of: "localhost", within: .seconds(10)) }
    }

    @Test(.ownThread) func theSystemKnowsThisMachine() throws {
        let addresses = try Resolver(waker: Waker()).addresses(of: "localhost", within: .seconds(60))
        #expect(!addresses.isEmpty && addresses.allSatisfy { NumericAddress($0)?.isLoopback == true })
    }

    @Test(.ownThread) func whoAsksAgainWaitsForTheSameAnswerAndALaterOneIsNew() throws {
        let system = SlowSystem()
        let resolver = Resolver(waker: Waker(), lookUp: system.lookUp)
        for _ in 0..<3 {
            let failure = #expect(throws: Resolver.Failure.self) {
                try resolver.addresses(of: "slow.example", within: .milliseconds(20))
            }
            #expect(failure?.reason == "the resolver has not answered in time")
        }
        system.answer()
        // Whether this one finds the answer or asks anew, the next asks anew.
        system.answer()
        #expect(try resolver.addresses(of: "slow.example", within: .seconds(60)) == ["192.0.2.1"])
        #expect(system.questions.withLock { $0 } <= 2)
    }

    @Test func aResolverThatDoesNotAnswerTakesNoTimeFromTheOtherNodes() async throws {
        let system = SlowSystem()
        try await TransportServer.amqpPort.withPort {
            try await withTransportBroker(
                to: TransportServer.amqpPort.uri,
                {
                    $0.endpoints.insert(.init(host: "slow.example"), at: 0)
                    // Whoever waited for it would be late for this test.
                    $0.connectionTimeout = .seconds(600)
                },
                lookUp: system.lookUp
            ) { broker in
                try await eventually("the other node is used") { broker.status == .connected }
            }
        }
        for _ in 0..<system.questions.withLock({ $0 }) { system.answer() }
    }

    @Test func aResolverThatDoesNotAnswerIsNoBrokerInTime() async throws {
        let system = SlowSystem()
        var configuration = RabbitMQConfiguration()
        configuration.endpoints = [.init(host: "slow.example")]
        configuration.connectionTimeout = .milliseconds(100)
        configuration.failFast = true
        let broker = RabbitMQBroker(
            configuration: configuration,
            logger: .silent,
            watchInterval: .seconds(5),
            lookUp: system.lookUp
        )
        let error = await #expect(throws: BrokerError.self) { try await broker.run() }
        #expect(error?.code == .connectionFailed)
        #expect(error?.message.contains("slow.example:5672: the host name cannot be resolved") == true)
        for _ in 0..<system.questions.withLock({ $0 }) { system.answer() }
    }

    @Test(arguments: [
        ("127.0.0.1", true), ("127.255.3.4", true), ("::1", true), ("::ffff:127.0.0.1", true), ("128.0.0.1", false),
        ("0.0.0.0", false), ("::", false), ("::ffff:10.0.0.1", false), ("fe80::1", false), ("1::1", false),
    ])
    func thisMachineIsKnownByItsAddress(address: String, isLoopback: Bool) {
        #expect(NumericAddress(address)?.isLoopback == isLoopback)
    }

    @Test(arguments: ["localhost", "", "127.1", "::1%1", "127.0.0.1.example"])
    func aNameIsNoAddress(name: String) { #expect(NumericAddress(name) == nil) }
}
