/// What an ``Idempotency`` says but for its key, which is of the handler's types.
struct IdempotencyPlan: Sendable {
    enum Place: Sendable {
        case store(any IdempotencyStore)
        case memory(capacity: Int)
    }

    /// Where it is remembered what is done.
    let place: Place
    /// How long.
    let window: Duration
    /// How long a claim lasts that is not renewed.
    let lease: Duration

    /// Checks what no type can.
    ///
    /// - Throws: ``ConfigurationError`` with the reason and the remedy.
    func validate(for entrypoint: String) throws(ConfigurationError) {
        guard self.window > .zero, self.window <= Self.longestWindow else {
            throw ConfigurationError(
                "\(entrypoint) is to remember messages for \(self.window): give more than 0 and at most "
                    + "\(Self.longestWindow.components.seconds) seconds (10 years), or leave out `idempotency`"
            )
        }
        guard self.lease >= .seconds(1), self.lease <= .seconds(3600) else {
            throw ConfigurationError(
                "\(entrypoint) has claims with a lease of \(self.lease): give 1 to 3600 seconds; it is renewed while the "
                    + "handler runs"
            )
        }
        if case .memory(let capacity) = self.place, capacity < 1 {
            throw ConfigurationError("\(entrypoint) is to remember at most \(capacity) messages: give 1 or more")
        }
    }

    private static let longestWindow = Duration.seconds(10 * 366 * 86_400)
}
