import EnokiTestSupport
import EnokiTestingTraits
import Foundation
import Testing

/// What becomes of tests on RabbitMQ where there is none: other tests of this target, run in a process of their own.
@Suite struct AbsentRabbitMQTests {
    private func run(inCI: Bool) async throws -> (status: ChildProcess.Exit, output: String) {
        let tests = try #require(ProcessInfo.processInfo.arguments.first)
        return try await ChildProcess.with(
            tests,
            ["--testing-library", "swift-testing", "--filter", "BrokerTraitTests|servicesRunOnEitherBroker"],
            environment: ["ENOKI_TEST_AMQP_URI": "", "CI": inCI ? "true" : ""]
        ) { child in
            let status = try await child.ended(within: .seconds(60))
            return (status, child.output + child.errors)
        }
    }

    private let reason = "no RabbitMQ to test on: set ENOKI_TEST_AMQP_URI, such as to amqp://guest:guest@localhost"

    @Test func theyAreSkippedWithTheReason() async throws {
        let (status, output) = try await run(inCI: false)
        #expect(status == .status(0), "\(output)")
        #expect(output.contains("Test theTestsOfASuiteRunOnItsBroker() skipped: \"\(reason)\""), "\(output)")
        // Of a test with arguments the other case runs.
        #expect(output.contains("Test servicesRunOnEitherBroker(_:) recorded a warning"), "\(output)")
        #expect(output.contains(reason), "\(output)")
    }

    @Test func inCITheyFail() async throws {
        let (status, output) = try await run(inCI: true)
        #expect(status == .status(1), "\(output)")
        let failure = "Test theTestsOfASuiteRunOnItsBroker() recorded an issue: Caught error: \(reason)"
        #expect(output.contains(failure), "\(output)")
        #expect(output.contains("Test aTestChoosesForItself() passed"), "\(output)")
    }
}
