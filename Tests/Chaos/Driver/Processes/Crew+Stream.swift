extension Crew {
    /// Starts so many consumers with `workers`, and as many publishers.
    ///
    /// - Parameters:
    ///   - sinks: What the consumers are told besides, see `Sink` of the worker program.
    ///   - plan: What each publisher is told besides its number, see `Source` of the worker program.
    /// - Returns: The publishers.
    func startStream(
        pairs: Int = 2,
        workers: Int,
        sinks settings: [String: String] = [:],
        sources plan: [String: String]
    ) async throws -> [Member] {
        let sinks = try (1...pairs).map { try self.hire("sink-\($0)", services: ["sink"], workers: workers, settings) }
        let sources = try (1...pairs).map { number in
            let settings = plan.merging(["chaos_producer": "\(number)"]) { $1 }
            return try self.hire("source-\(number)", services: ["source"], settings)
        }
        for member in sinks { try member.start() }
        for member in sinks { try await member.logs("[sink] started") }
        for member in sources { try member.start() }
        for member in sources { try await member.logs("[source] started") }
        return sources
    }
}
