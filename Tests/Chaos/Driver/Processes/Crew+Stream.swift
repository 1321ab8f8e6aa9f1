extension Crew {
    /// Starts so many consumers with `workers`, and as many publishers that send `rate` events a second without end, at most `window` of
    /// them unconfirmed.
    ///
    /// - Returns: The publishers.
    func startStream(pairs: Int, workers: Int, rate: Int, window: Int) async throws -> [Member] {
        let sinks = try (1...pairs).map { try self.hire("sink-\($0)", services: ["sink"], workers: workers) }
        let sources = try (1...pairs).map { number in
            try self.hire(
                "source-\(number)",
                services: ["source"],
                [
                    "chaos_producer": "\(number)", "chaos_messages": "100000000", "chaos_rate": "\(rate)",
                    "chaos_window": "\(window)", "chaos_work": "20",
                ]
            )
        }
        for member in sinks { try member.start() }
        for member in sinks { try await member.logs("[sink] started") }
        for member in sources { try member.start() }
        for member in sources { try await member.logs("[source] started") }
        return sources
    }
}
