/// What `connection.tune` offers and `connection.tune-ok` takes; 0 is no limit, or no heartbeat.
struct ConnectionTune: Equatable {
    /// The highest number of a channel.
    var channelMax: UInt16
    /// The size of the largest frame, header and end octet included.
    var frameMax: UInt32
    /// After how many seconds of silence the peer is taken for dead.
    var heartbeat: UInt16
}
