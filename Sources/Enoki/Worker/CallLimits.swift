/// How long a call of an entrypoint may take, and how many may be in work at once.
struct CallLimits: Sendable, Hashable {
    /// How long a call may take, its hooks included; `nil` where the entrypoint does not say.
    var timeout: Duration?
    /// How many calls a container works on at once; `nil` is as many as it has workers.
    var concurrency: Int?

    /// The same, with the time of `settings` where the entrypoint does not say how long a call may take.
    func within(_ settings: ServiceSettings) -> CallLimits {
        var limits = self
        if limits.timeout == nil, settings.handlerTimeout > .zero { limits.timeout = settings.handlerTimeout }
        return limits
    }

    /// Checks what no type can.
    ///
    /// - Throws: ``ConfigurationError`` with the reason and the remedy.
    func validate(for entrypoint: String) throws(ConfigurationError) {
        if let timeout = self.timeout, timeout <= .zero || timeout > Self.longestTimeout {
            throw ConfigurationError(
                "\(entrypoint) has the timeout \(timeout): give more than 0 and at most "
                    + "\(Self.longestTimeout.components.seconds) seconds, or leave it out"
            )
        }
        if let concurrency = self.concurrency, !(1...Self.mostCalls).contains(concurrency) {
            throw ConfigurationError(
                "\(entrypoint) has the concurrency \(concurrency): give 1 to \(Self.mostCalls), or leave it out"
            )
        }
    }

    private static let longestTimeout = Duration.seconds(4_000_000)
    /// `basic.qos` carries the prefetch, which follows it, in 16 bits.
    private static let mostCalls = Int(UInt16.max)
}
