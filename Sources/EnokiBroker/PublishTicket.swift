/// A message that is on its way to the broker: the means to give it up.
public struct PublishTicket: Sendable {
    private let action: @Sendable () -> Void

    /// A ticket.
    ///
    /// - Parameter giveUp: Is called when the message is given up; may be called more than once, and after its outcome.
    public init(giveUp: @escaping @Sendable () -> Void = {}) { self.action = giveUp }

    /// Waits for the message no longer. One that was not sent yet is not sent, and fails with
    /// ``BrokerError/Code/notSent``; of one that was, the outcome is unknown (``BrokerError/Code/outcomeUnknown``). A message
    /// whose outcome was told is left alone.
    public func giveUp() { self.action() }
}
