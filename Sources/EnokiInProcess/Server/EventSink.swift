/// Takes what the broker sends on channels straight from who causes it, past the broker's task: for who has a thread of its
/// own to go on with.
package protocol EventSink: AnyObject, Sendable {
    /// Keeps an event of a channel; ``ChannelEvent/closed(_:)`` may be of the connection itself. It is called with the broker
    /// locked: it is quick, and calls nobody.
    ///
    /// - Returns: Whether ``wake()`` is to be called when the broker is free again.
    func append(_ event: ChannelEvent, of channel: ChannelID) -> Bool

    /// There is something to be taken.
    func wake()
}
