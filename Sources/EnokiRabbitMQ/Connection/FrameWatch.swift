import EnokiBroker

/// Notices that a frame which has begun does not end, though bytes come; performs no I/O.
///
/// A bit that is turned over in a frame's size makes all that follows a part of it, the broker's heartbeats too: a connection that
/// seems to live, and on which nothing is ever heard. Where no bytes come either, that is for the heartbeat to decide.
struct FrameWatch {
    /// How many bytes a second the slowest line brings that is waited for.
    static let slowest = 8 * 1024

    private let patience: Duration
    private var begun: ContinuousClock.Instant?
    /// When the frame that has begun is to be whole; `nil` where none has.
    private(set) var deadline: ContinuousClock.Instant?

    init(heartbeat: Duration) { self.patience = heartbeat * 2 }

    /// A frame is whole.
    mutating func ended() {
        self.begun = nil
        self.deadline = nil
    }

    /// All that has come was looked at, and it ends within a frame of `size` bytes.
    mutating func waits(forFrameOf size: Int, at now: ContinuousClock.Instant) {
        let begun = self.begun ?? now
        self.begun = begun
        self.deadline = begun + max(self.patience, .seconds(size) / Self.slowest)
    }
}
