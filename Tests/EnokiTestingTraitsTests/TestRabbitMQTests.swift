import EnokiRabbitMQManagement
import Logging
import Testing

@testable import EnokiTestingTraits

@Suite struct TestRabbitMQTests {
    private func absence(_ environment: [String: String]) throws -> BrokerUnavailable {
        let error = #expect(throws: BrokerUnavailable.self) { try TestRabbitMQ(environment) }
        return try #require(error)
    }

    @Test(arguments: [[:], ["CI": ""], ["CI": "false"], ["CI": "0", "ENOKI_TEST_AMQP_URI": ""]] as [[String: String]])
    func withoutAURIATestIsSkipped(_ environment: [String: String]) throws {
        let absence = try absence(environment)
        #expect(!absence.isRequired)
        #expect(
            absence.description
                == "no RabbitMQ to test on: set ENOKI_TEST_AMQP_URI, such as to amqp://guest:guest@localhost"
        )
    }

    @Test(arguments: ["true", "1", "woodpecker"]) func withoutAURIATestFailsInCI(_ value: String) throws {
        #expect(try absence(["CI": value]).isRequired)
    }

    @Test func aURIThatIsNoneFailsTheTestAndIsNotShown() throws {
        let address = try absence(["ENOKI_TEST_AMQP_URI": "http://ada:hunter2@host"])
        #expect(address.isRequired && address.description.hasPrefix("ENOKI_TEST_AMQP_URI: "))
        let management = try absence([
            "ENOKI_TEST_AMQP_URI": "amqp://ada:hunter2@host", "ENOKI_TEST_MANAGEMENT_URI": "hunter2",
        ])
        #expect(
            management.description
                == "ENOKI_TEST_MANAGEMENT_URI: not the URI of an HTTP API, such as http://host:15672 with user and password"
        )
        #expect(management.isRequired && !address.description.contains("hunter2"))
    }

    @Test func theManagementAPIIsBesideTheBrokerUnlessSaidOtherwise() throws {
        let plain = try TestRabbitMQ(["ENOKI_TEST_AMQP_URI": "amqp://ada:a%2Fb@host:5673/vhost"])
        #expect(plain.management.address == "http://host:15672")
        #expect(plain.management.user == "ada")
        let tls = try TestRabbitMQ(["ENOKI_TEST_AMQP_URI": "amqps://ada:pw@host"])
        #expect(tls.management.address == "https://host:15671")
        let named = try TestRabbitMQ([
            "ENOKI_TEST_AMQP_URI": "amqp://ada:pw@host", "ENOKI_TEST_MANAGEMENT_URI": "http://bob:pw@other:1",
        ])
        #expect(named.management.address == "http://other:1")
    }

    @Test func anAPIThatDoesNotAnswerFailsTheTestAndSaysWhatToDo() async throws {
        let rabbitMQ = try TestRabbitMQ([
            "ENOKI_TEST_AMQP_URI": "amqp://ada:hunter2@127.0.0.1:1",
            "ENOKI_TEST_MANAGEMENT_URI": "http://ada:hunter2@127.0.0.1:1",
        ])
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let error = await #expect(throws: BrokerUnavailable.self) {
            try await rabbitMQ.serve(logger: logger) { _ in Issue.record("the body ran") }
        }
        let text = try #require(error).description
        #expect(text.hasPrefix("no virtual host for the test: http://127.0.0.1:1 said: "))
        #expect(text.hasSuffix("in ENOKI_TEST_MANAGEMENT_URI: http://user:password@host:15672"))
        #expect(!text.contains("hunter2"))
    }

    @Test(.broker(.rabbitMQ)) func theVirtualHostIsRemovedAfterwards() async throws {
        let rabbitMQ = try TestRabbitMQ()
        let address = try await withServices(Door()) { $0.broker.address }
        struct Failure: Error {}
        var failing = ""
        await #expect(throws: Failure.self) {
            try await withServices(Door()) { cluster in
                failing = cluster.broker.address
                throw Failure()
            }
        }
        for address in [address, failing] {
            let name = try #require(address.split(separator: "/").last)
            let refusal = await #expect(throws: RabbitMQManagement.Refusal.self) {
                try await rabbitMQ.management.send("GET", ["vhosts", String(name)])
            }
            #expect(refusal?.status == 404)
        }
    }
}
