/// A host stopped because for a long time nothing had run in its process: calls block all threads of Swift's cooperative pool, or
/// compute on all of them. It would have been alive and idle.
///
/// Only a new process gets rid of such calls. A runner ends its process. Whoever runs a ``ServiceHost`` by other means needs something
/// outside of Swift's concurrency for that: no task gets its turn while all threads are blocked.
public struct PoolStalled: Error, Sendable, Hashable, CustomStringConvertible {
    /// For how long nothing had run.
    public let duration: Duration

    /// Nothing had run for `duration`.
    public init(duration: Duration) { self.duration = duration }

    /// The duration and the remedy.
    public var description: String {
        "no call has gone on for \(self.duration): calls block all threads, or compute on all of them. Let a supervisor start the "
            + "process again, and move what blocks to a thread of its own; a longer `stall_limit` bears it for longer"
    }
}
