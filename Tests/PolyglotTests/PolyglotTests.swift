import EnokiTestSupport
import Foundation
import Testing

/// The sample in two languages, as `make polyglot` runs it.
@Suite struct PolyglotTests {
    static let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Samples/Polyglot/tests").path()

    @Test func namekosTestsOfASwiftServicePass() async throws {
        try await ChildProcess.with(
            try TestEnvironment.pythonPolyglot,
            ["-m", "nameko", "test", "-p", "no:cacheprovider", Self.tests],
            environment: [
                "POLYGLOT": BuiltExecutable.path("polyglot"),
                "PYTHONDONTWRITEBYTECODE": "1",
                "PYTHONWARNINGS": "ignore",
            ],
            stopSignal: SIGINT  // pytest ends the Swift services then.
        ) { pytest in
            let exit = try await pytest.ended(within: .seconds(120))
            #expect(exit == .status(0), "\(pytest.output)\(pytest.errors)")
            #expect(pytest.output.contains("3 passed"))
        }
    }
}
