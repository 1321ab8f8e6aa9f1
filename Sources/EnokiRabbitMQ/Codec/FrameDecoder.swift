import CRabbitMQ

/// Cuts a stream of bytes into frames by librabbitmq's `amqp_handle_input`; performs no I/O.
struct FrameDecoder {
    /// What came is not AMQP, or breaks a bound. The connection cannot go on.
    struct Failure: Error {
        var reason: String
    }

    let state: amqp_connection_state_t

    /// Hands each frame in `bytes` to `handle`, until that says that it wants no more. What the frame points to is valid
    /// only during the call.
    func decode(
        _ bytes: UnsafeMutableRawBufferPointer,
        _ handle: (amqp_frame_t) -> Bool
    ) throws(Failure) {
        var rest = amqp_bytes_t(len: bytes.count, bytes: bytes.baseAddress)
        var frame = amqp_frame_t()
        while rest.len > 0 {
            let used = amqp_handle_input(self.state, rest, &frame)
            guard used > 0 else {
                throw Failure(reason: "the broker sent what is not AMQP (\(LibraryStatus.describe(used)))")
            }
            rest.bytes += Int(used)
            rest.len -= Int(used)
            guard frame.frame_type != 0 else { continue }
            // Else the memory of every frame would stay until the connection ends.
            defer { amqp_maybe_release_buffers_on_channel(self.state, frame.channel) }
            guard handle(frame) else { return }
        }
    }
}
