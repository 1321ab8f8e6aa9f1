import EnokiTestSupport

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
}
