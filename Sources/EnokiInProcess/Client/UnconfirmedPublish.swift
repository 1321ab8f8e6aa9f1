import EnokiBroker

/// A publish from its call to its confirm.
struct UnconfirmedPublish: Sendable {
    /// Counts the calls: in this order they are sent.
    let id: UInt64
    let publish: Publish
    let completion: @Sendable (Result<Void, BrokerError>) -> Void
    /// Whether it was sent on a connection that was lost before its confirm came: then the broker may have it, and it is
    /// not sent a third time.
    var mayHaveArrived = false

    /// What its publisher is told of `error`.
    func failure(_ error: BrokerError) -> BrokerError {
        guard self.mayHaveArrived, error.code != .outcomeUnknown else { return error }
        return .confirmLost(andThen: error)
    }
}
