/// What is done with a delivery in the end, as a ``FailurePolicy`` has decided.
package enum Settlement: Sendable, Hashable {
    /// It is done, or given up without a trace but the log: the broker forgets it.
    case acknowledge
    /// It goes back to its place in the queue, as if it had not been delivered.
    case requeue
    /// A copy waits on the broker and comes back; `attempts` have been made so far.
    case retry(RetryDelay, attempts: Int)
    /// A copy that says how often the message has come back unsettled takes its place, at once or after a while.
    case comeBack(RetryDelay, redeliveries: Int)
    /// A copy goes to the dead letters; `attempts` have been made.
    case deadLetter(DeadLetterReason, attempts: Int)
}
