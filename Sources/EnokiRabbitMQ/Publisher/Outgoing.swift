import EnokiBroker

/// A message on its way to the broker, waiting to be sent or to be confirmed.
struct Outgoing: Sendable {
    let publication: Publication
    /// Whether it was sent before, on a connection or a channel that ended before its confirm came: then the broker may
    /// have it, and it is not sent a third time.
    var mayHaveArrived = false

    /// What its publisher is told of `error`.
    func failure(_ error: BrokerError) -> BrokerError {
        guard self.mayHaveArrived, error.code != .outcomeUnknown else { return error }
        return BrokerError(
            .outcomeUnknown,
            "the message was sent and not confirmed, and sending it again failed: \(error.message)"
        )
    }
}
