import EnokiInProcess
import Testing

@testable import EnokiAMQP

struct AMQPConfigurationTests {
    @Test func theDefaultsAreRabbitMQs() throws {
        let configuration = AMQPConfiguration()
        try configuration.check()
        #expect(configuration.users == [.guest])
        #expect(configuration.loginTimeout == .seconds(10))
        #expect(configuration.heartbeat == .seconds(60))
        #expect(configuration.frameMax == 131_072)
        #expect(configuration.channelMax == 2047)
        #expect(configuration.messageSizeMax == 134_217_728)
        #expect(AMQPUser.guest.isLoopbackOnly)
    }

    @Test func theLimitsOfAMQPAreTaken() throws {
        for (frameMax, channelMax, heartbeat) in [(4096, 1, 0), (Int(UInt32.max), 65_535, 65_535)] {
            var configuration = AMQPConfiguration()
            configuration.frameMax = frameMax
            configuration.channelMax = channelMax
            configuration.heartbeat = .seconds(heartbeat)
            configuration.loginTimeout = .nanoseconds(1)
            configuration.connectionMax = 1
            try configuration.check()
        }
    }

    private struct Change: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let make: @Sendable (inout AMQPConfiguration) -> Void

        init(_ name: String, _ make: @escaping @Sendable (inout AMQPConfiguration) -> Void) {
            self.testDescription = name
            self.make = make
        }
    }

    @Test(arguments: [
        Change("frameMax") { $0.frameMax = 4095 }, Change("frameMax") { $0.frameMax = Int(UInt32.max) + 1 },
        Change("channelMax") { $0.channelMax = 0 }, Change("channelMax") { $0.channelMax = 65_536 },
        Change("connectionMax") { $0.connectionMax = 0 }, Change("messageSizeMax") { $0.messageSizeMax = 0 },
        Change("loginTimeout") { $0.loginTimeout = .zero }, Change("loginTimeout") { $0.loginTimeout = .seconds(-1) },
        Change("heartbeat") { $0.heartbeat = .seconds(-1) }, Change("heartbeat") { $0.heartbeat = .seconds(65_536) },
        Change("heartbeat") { $0.heartbeat = .milliseconds(1500) }, Change("user") { $0.users = [] },
    ])
    private func whatAMQPDoesNotKnowIsRefused(change: Change) throws {
        var configuration = AMQPConfiguration()
        change.make(&configuration)
        let error = try #require(throws: AMQPServerError.self) { try configuration.check() }
        #expect(error.description.contains(change.testDescription))
        #expect(throws: AMQPServerError.self) {
            try AMQPServer(brokers: [InProcessBroker()], configuration: configuration)
        }
    }

    @Test func aServerNeedsBrokersWithNamesOfTheirOwn() throws {
        #expect(throws: AMQPServerError.self) { try AMQPServer(brokers: []) }
        let error = try #require(throws: AMQPServerError.self) {
            try AMQPServer(brokers: [InProcessBroker(virtualHost: "shop"), InProcessBroker(virtualHost: "shop")])
        }
        #expect(error.description.contains("'shop'"))
    }

    @Test func noTextShowsAPassword() {
        var configuration = AMQPConfiguration()
        configuration.users = [AMQPUser(name: "ann", password: "hunter2", virtualHosts: ["a"])]
        var dumped = ""
        dump(configuration, to: &dumped)
        for text in [dumped, "\(configuration)", String(reflecting: configuration), "\(configuration.users)"] {
            #expect(text.contains("ann"))
            #expect(!text.contains("hunter2"))
        }
    }
}
