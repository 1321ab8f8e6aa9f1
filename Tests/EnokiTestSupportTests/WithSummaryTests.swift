import EnokiTestSupport
import Foundation
import Testing

/// `Scripts/with-summary`, which says whether a run of tests has passed.
@Suite struct WithSummaryTests {
    private static let script = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Scripts/with-summary")

    @Test(arguments: [
        ("✔ Test run with 0 tests in 0 suites passed after 0.006 seconds.", "true", 1),
        ("✔ Test run with 1 test in 1 suite passed after 0.006 seconds.", "true", 0),
        ("✔ Test run with 120 tests in 10 suites passed after 0.006 seconds.", "true", 0),
        ("✘ Test run with 1 test in 1 suite failed after 0.006 seconds.", "exit 7", 7),
    ])
    func aRunWithoutATestHasFailed(_ line: String, _ end: String, _ status: Int32) async throws {
        let run = ["bash", "-c", "echo '\(line)'; \(end)"]
        try await ChildProcess.with(Self.script.path(), run, environment: ["LC_ALL": "C"]) { child in
            let exit = try await child.ended()
            #expect(exit == .status(status))
            #expect(child.output.contains(line))
            #expect(child.output.contains("No test ran") == (status == 1))
        }
    }
}
