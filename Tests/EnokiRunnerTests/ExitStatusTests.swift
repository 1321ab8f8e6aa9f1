import ArgumentParser
import Enoki
import Testing

@testable import EnokiRunner

@Suite struct ExitStatusTests {
    private static let codes: [(error: any Error, code: Int32)] = [
        (UsageError(""), 64),
        (ConfigurationError(""), 78),
        (ProcessKilled(), 130),
        (BrokerError(.invalidAddress, ""), 78),
        (BrokerError(.loginRefused, ""), 3),
        (BrokerError(.vhostNotFound, ""), 3),
        (BrokerError(.connectionFailed, ""), 3),
        (BrokerError(.tlsFailed, ""), 3),
        (BrokerError(.preconditionFailed, ""), 1),
        (ServiceFailure(cause: BrokerError(.loginRefused, "")), 3),
        (ServiceFailure(cause: ConfigurationError("")), 78),
        (ServiceFailure(cause: GracePeriodExceeded(service: "a", calls: 1, grace: .zero)), 1),
        (ServiceFailure(cause: CancellationError()), 1),
    ]

    @Test(arguments: Self.codes.indices)
    func errorsEndTheProcessWithDocumentedCodes(_ index: Int) {
        let (error, code) = Self.codes[index]
        #expect(ExitStatus(error)?.code == code, "\(error)")
    }

    @Test func theArgumentParserKnowsItsOwnCodes() {
        #expect(ExitStatus(ValidationError("")) == nil)
    }
}
