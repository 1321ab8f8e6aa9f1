/// Notices on a channel that the rest of a message does not come, though the broker sends other things; performs no I/O.
///
/// A broker sends the frames of a message one after the other, RabbitMQ's writer in one piece. Whoever has something else to
/// say for two heartbeats never sends the rest, and the channel would stand still for ever on a connection that lives. Where
/// nothing at all is heard, the line is slow or dead, and that is for the heartbeat to decide.
struct StallWatch {
    private static let patience = 2
    private var count = 0

    /// A part of a message came.
    mutating func noteProgress() { self.count = 0 }

    /// Another heartbeat interval is over; returns whether the rest is not to be waited for any more.
    ///
    /// - Parameters:
    ///   - isIncomplete: Whether a part of a message has come, and not yet the rest.
    ///   - othersCame: Whether a frame has come in the interval, be it of this message or not.
    mutating func isStalled(isIncomplete: Bool, othersCame: Bool) -> Bool {
        if !isIncomplete { self.count = 0 } else if othersCame { self.count += 1 }
        // The first interval may have begun before the last part came.
        return self.count > Self.patience
    }
}
