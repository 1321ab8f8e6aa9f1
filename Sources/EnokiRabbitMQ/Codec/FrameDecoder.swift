import CRabbitMQ
import EnokiBroker

/// Cuts a stream of bytes into frames by librabbitmq's `amqp_handle_input`; performs no I/O.
///
/// It looks at the header of each frame first: librabbitmq drops a frame of a type that it does not know, takes anything of type 8
/// for a heartbeat, and keeps memory for each number of a channel that it has seen.
final class FrameDecoder {
    /// What came is not AMQP, or breaks a bound. The connection cannot go on.
    struct Failure: Error {
        var reason: String
    }

    /// Type, channel and size (AMQP 0-9-1 §4.2.3).
    private static let headerSize = 7

    private let state: amqp_connection_state_t
    /// What has come of a header that has not come whole; librabbitmq has nothing of it.
    private let header = UnsafeMutableRawBufferPointer.allocate(byteCount: headerSize, alignment: 1)
    private var headerCount = 0
    /// The size of the payload of the frame that librabbitmq is in. What it has read in the login may end within one, of which
    /// nobody knows more than that.
    private var size = WireLimits.frameMax

    /// A decoder of what comes on a connection that has logged in.
    init(_ state: amqp_connection_state_t) { self.state = state }

    deinit { self.header.deallocate() }

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

    /// The size of the payload of a frame that has begun and not ended, 0 as long as that is not known; `nil` between two frames.
    var unfinished: Int? {
        if self.headerCount > 0 { return 0 }
        return self.isBetweenFrames ? nil : self.size
    }

    private var isBetweenFrames: Bool { amqp_release_buffers_ok(self.state) != 0 }

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
        var rest = bytes[...]
        var frame = amqp_frame_t()
        while !rest.isEmpty {
            if self.isBetweenFrames {
                if self.headerCount > 0 || rest.count < Self.headerSize {
                    let part = rest.prefix(Self.headerSize - self.headerCount)
                    for octet in part {
                        self.header[self.headerCount] = octet
                        self.headerCount += 1
                    }
                    rest = rest[part.endIndex...]
                    guard self.headerCount == Self.headerSize else { return }
                    self.headerCount = 0
                    try self.check(UnsafeRawBufferPointer(self.header))
                    // No frame ends with its header.
                    _ = try self.take(self.header, into: &frame)
                    continue
                }
                try self.check(UnsafeRawBufferPointer(rebasing: rest.prefix(Self.headerSize)))
            }
            rest = rest.dropFirst(try self.take(UnsafeMutableRawBufferPointer(rebasing: rest), into: &frame))
            guard frame.frame_type != 0 else { continue }
            // Else the memory of every frame would stay until the connection ends.
            defer { amqp_maybe_release_buffers_on_channel(self.state, frame.channel) }
            guard handle(frame) else { return }
        }
    }

    /// Gives `bytes` to librabbitmq, which takes no more than to the end of a frame; `frame` is of type 0 where none ends.
    ///
    /// - Returns: How many it took.
    private func take(
        _ bytes: UnsafeMutableRawBufferPointer,
        into frame: inout amqp_frame_t
    ) throws(Failure) -> Int {
        let used = amqp_handle_input(self.state, amqp_bytes_t(len: bytes.count, bytes: bytes.baseAddress), &frame)
        guard used > 0 else {
            throw Failure(reason: "the broker sent what is not AMQP (\(LibraryStatus.describe(used)))")
        }
        return Int(used)
    }

    /// Looks at the header of a frame.
    private func check(_ header: UnsafeRawBufferPointer) throws(Failure) {
        let channel = Int(header[1]) << 8 | Int(header[2])
        self.size = header[3..<7].reduce(0) { $0 << 8 | Int($1) }
        switch Int32(header[0]) {
        case AMQP_FRAME_METHOD, AMQP_FRAME_HEADER, AMQP_FRAME_BODY: break
        case AMQP_FRAME_HEARTBEAT:
            guard channel == 0, self.size == 0 else {
                throw Failure(reason: "the broker sent a heartbeat on channel \(channel) with \(self.size) bytes in it")
            }
        default: throw Failure(reason: "the broker sent a frame of a type that AMQP does not have")
        }
    }
}
