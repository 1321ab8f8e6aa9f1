import EnokiTestSupport
import Foundation

/// The program `runner-fixture`.
enum RunnerFixture {
    /// Runs it as a process of its own, which ends with `body`.
    static func with<Result>(
        _ arguments: [String],
        environment: [String: String] = [:],
        _ body: (ChildProcess) async throws -> Result
    ) async throws -> Result {
        let path = BuiltExecutable.path("runner-fixture")
        return try await ChildProcess.with(path, arguments, environment: environment, body)
    }

    /// How it ended, and how long after it was told to.
    struct End {
        let exit: ChildProcess.Exit
        let took: Duration
        /// All that it wrote to its standard error.
        let errors: String

        /// Whether it wrote `text` when it was ended because `due` had passed.
        ///
        /// A process is ended half a second after that at the latest, written or not: one that took so long may have had no time for it.
        func says(_ text: String, due: Duration) -> Bool {
            self.errors.contains(text) || self.took >= due + .milliseconds(500)
        }
    }

    /// The time at the beginning of a line of its log.
    static func time(of line: Substring) -> Date? {
        let format = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        return try? Date(String(line.prefix { $0 != " " }), strategy: format)
    }
}

extension ChildProcess {
    /// Sends the fixture its first signal, and waits for its end.
    func end(by signal: Int32) async throws -> RunnerFixture.End {
        let start = ContinuousClock.now
        self.send(signal: signal)
        let exit = try await self.ended()
        return RunnerFixture.End(exit: exit, took: start.duration(to: .now), errors: self.errors)
    }

    /// Sends the fixture, which has had its first signal, the second, and waits for its end.
    ///
    /// It waits until the first was heeded, and longer than the 200 ms in which another counts as the same. And it sends no more
    /// than one: a third signal would end the process where it stands.
    func end(bySecond signal: Int32) async throws -> RunnerFixture.End {
        try await eventually("the first signal is heeded") {
            self.errors
        } until: {
            $0.contains("a second signal kills")
        }
        try await Task.sleep(for: .milliseconds(250))
        return try await self.end(by: signal)
    }
}
