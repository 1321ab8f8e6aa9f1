import CRabbitMQ
import EnokiBroker

/// Cuts a stream of bytes into frames by librabbitmq's `amqp_handle_input`; performs no I/O.
struct FrameDecoder {
    /// What came is not AMQP, or breaks a bound. The connection cannot go on.
    struct Failure: Error {
        var reason: String
    }

    private let state: amqp_connection_state_t

    /// A decoder of what comes on a connection that has logged in.
    init(_ state: amqp_connection_state_t) { self.state = state }

    /// Calls `body` with a decoder of frames that come from anywhere, for tests.
    static func withoutConnection(_ body: (FrameDecoder) throws -> Void) throws {
        guard let state = amqp_new_connection() else { throw Failure(reason: "out of memory") }
        defer { amqp_destroy_connection(state) }
        let decoder = FrameDecoder(state)
        // A protocol header takes it out of its first state, in which it cannot be tuned.
        try decoder.decode(Array("AMQP".utf8) + [0, 0, 9, 1]) { _ in true }
        amqp_tune_connection(state, 0, Int32(WireLimits.frameMax), 0)
        try body(decoder)
    }

    /// Hands each frame in `bytes` to `handle`, until that says that it wants no more.
    func decode(_ bytes: [UInt8], _ handle: (amqp_frame_t) -> Bool) throws(Failure) {
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
        defer { copy.deallocate() }
        copy.copyBytes(from: bytes)
        try self.decode(copy, handle)
    }

    /// Hands each frame in `bytes` to `handle`, until that says that it wants no more. What the frame points to is valid
    /// only during the call.
    func decode(_ bytes: UnsafeMutableRawBufferPointer, _ handle: (amqp_frame_t) -> Bool) throws(Failure) {
        var rest = amqp_bytes_t(len: bytes.count, bytes: bytes.baseAddress)
        var frame = amqp_frame_t()
        while rest.len > 0 {
            let used = amqp_handle_input(self.state, rest, &frame)
            guard used > 0 else {
                throw Failure(reason: "the broker sent what is not AMQP (\(LibraryStatus.describe(used)))")
            }
            rest.bytes += Int(used)
            rest.len -= Int(used)
            guard frame.frame_type != 0 else {
                // It has swallowed a whole frame of a type that it does not know, which may have been a confirm.
                if amqp_release_buffers_ok(self.state) != 0 {
                    throw Failure(reason: "the broker sent a frame of a type that AMQP does not have")
                }
                continue
            }
            // Else the memory of every frame would stay until the connection ends.
            defer { amqp_maybe_release_buffers_on_channel(self.state, frame.channel) }
            guard handle(frame) else { return }
        }
    }
}
