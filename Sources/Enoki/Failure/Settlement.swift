/// What is done with a delivery in the end, as a ``FailurePolicy`` has decided.
package enum Settlement: Sendable, Hashable {
    /// It is done, or given up without a trace but the log: the broker forgets it.
    case acknowledge
    /// It goes back to its place in the queue, as if it had not been delivered.
    case requeue
    /// A copy waits on the broker and comes back; `attempts` have been made so far.
    case retry(RetryDelay, attempts: Int)
    /// A copy that says how often the message has come back unsettled takes its place, at once or after a while.
    case comeBack(RetryDelay, Returns)
    /// A copy takes its place after a while, since it is not to be in hand now.
    case putOff(RetryDelay, Returns, PutOffReason)
    /// A copy goes to the dead letters; `attempts` have been made.
    case deadLetter(DeadLetterReason, attempts: Int)

    /// Why a message is not to be in hand now that has come back before.
    package enum PutOffReason: Sendable, Hashable {
        /// Others that have come back are in work, one of which may kill the process.
        case quarantine
        /// The handler is paused, see ``KillSwitch``.
        case pause
    }
}
