import EnokiBroker
import EnokiTestSupport
import NIOCore
import NIOPosix

@testable import EnokiAMQP

/// A client that sends bytes and keeps what comes, and understands neither.
final class RawClient: Sendable {
    /// How the other side has ended the connection.
    enum End: Equatable {
        /// It sends nothing more (FIN).
        case closed
        /// It has reset the connection (RST).
        case reset
    }

    private struct State {
        var received = ByteBuffer()
        var end: End?
    }

    private let channel: any Channel
    private let state: Locked<State>

    /// Connects to a port, and leaves when `body` ends.
    static func with<Result>(_ port: AMQPPort, _ body: (RawClient) async throws -> Result) async throws -> Result {
        let state = Locked(State())
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Handler(state)) }
            }
            .connect(host: "127.0.0.1", port: port.number).get()
        let client = RawClient(channel, state)
        do {
            let result = try await body(client)
            try? await channel.close()
            return result
        } catch {
            try? await channel.close()
            throw error
        }
    }

    private init(_ channel: any Channel, _ state: Locked<State>) {
        self.channel = channel
        self.state = state
    }

    /// What has come.
    var received: ByteBuffer { self.state.withLock { $0.received } }
    /// How the other side has ended the connection; `nil` where it has not.
    var end: End? { self.state.withLock { $0.end } }

    /// The frames that have come whole.
    var frames: [FrameCutter.Piece] {
        var cutter = FrameCutter(frameMax: 131_072)
        cutter.append(self.received)
        var frames: [FrameCutter.Piece] = []
        while let frame = cutter.next() { frames.append(frame) }
        return frames
    }

    /// What the frames are.
    var kinds: [WireFault.FrameKind?] { self.frames.map(\.kind) }

    func send(_ bytes: ByteBuffer...) {
        for bytes in bytes { self.channel.writeAndFlush(bytes, promise: nil) }
    }

    /// Waits until so many frames of a kind have come.
    func comes(_ kind: WireFault.FrameKind, _ count: Int = 1) async throws {
        try await eventually("\(count) \(kind) came", { self.kinds }, until: { $0.count { $0 == kind } >= count })
    }

    /// Waits until the other side has ended the connection, and says how.
    func ends() async throws -> End? {
        try await eventually("the connection ended") {
            self.end
        } until: {
            $0 != nil
        }
    }

    /// Waits until the server has answered what was sent before, which it does on a channel of its own.
    func roundTrip(on channel: UInt16) async throws {
        let before = self.kinds.count { $0 == .channelOpenOk }
        self.send(Self.channelOpen(channel))
        try await self.comes(.channelOpenOk, before + 1)
    }

    /// Logs in, all at once, and opens channel 1. From then on it sends heartbeats, on a thread that no test keeps busy.
    func logIn(heartbeat: UInt16 = 0) async throws {
        self.send(
            Self.protocolHeader,
            Self.startOk(),
            Self.tuneOk(heartbeat: heartbeat),
            Self.open,
            Self.channelOpen(1)
        )
        if heartbeat > 0 {
            let channel = self.channel
            let half = TimeAmount.milliseconds(Int64(heartbeat) * 500)
            let task = channel.eventLoop.scheduleRepeatedTask(initialDelay: half, delay: half) { _ in
                channel.writeAndFlush(Self.heartbeat, promise: nil)
            }
            channel.closeFuture.whenComplete { _ in task.cancel() }
        }
        try await self.comes(.channelOpenOk)
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let state: Locked<State>

        init(_ state: Locked<State>) { self.state = state }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let bytes = self.unwrapInboundIn(data)
            self.state.withLock { _ = $0.received.writeImmutableBuffer(bytes) }
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case .inputClosed? = event as? ChannelEvent { self.end(.closed) }
        }

        func channelInactive(context: ChannelHandlerContext) { self.end(.closed) }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            self.end(.reset)
            context.close(promise: nil)
        }

        private func end(_ end: End) { self.state.withLock { $0.end = $0.end ?? end } }
    }
}

// What a client says.
extension RawClient {
    static let protocolHeader = ByteBuffer(bytes: Array("AMQP".utf8) + [0, 0, 9, 1])

    static func startOk(name: String = "raw") -> ByteBuffer {
        self.method(10, 11) { fields in
            var table = ByteBuffer()
            table.writeShort("connection_name")
            table.writeString("S")
            table.writeLong(name)
            fields.writeInteger(UInt32(table.readableBytes))
            fields.writeImmutableBuffer(table)
            fields.writeShort("PLAIN")
            fields.writeLong("\0guest\0guest")
            fields.writeShort("en_US")
        }
    }

    static func tuneOk(heartbeat: UInt16) -> ByteBuffer {
        self.method(10, 31) { $0.writeMultipleIntegers(UInt16(2047), UInt32(131_072), heartbeat) }
    }

    static let open = method(10, 40) { fields in
        fields.writeShort("/")
        fields.writeShort("")
        fields.writeInteger(UInt8(0))
    }

    static let close = method(10, 50) { $0.writeBytes([0, 200, 0, 0, 0, 0, 0]) }

    static func channelOpen(_ channel: UInt16) -> ByteBuffer {
        self.method(20, 10, on: channel) { $0.writeShort("") }
    }

    static func declare(queue: String) -> ByteBuffer {
        self.method(50, 10, on: 1) { fields in
            fields.writeInteger(UInt16(0))
            fields.writeShort(queue)
            fields.writeInteger(UInt8(0))
            fields.writeInteger(UInt32(0))
        }
    }

    static let heartbeat = ByteBuffer(bytes: [8, 0, 0, 0, 0, 0, 0, Frame.end])

    static let confirmSelect = method(85, 10, on: 1) { $0.writeInteger(UInt8(0)) }

    static func consume(_ queue: String) -> ByteBuffer {
        self.method(60, 20, on: 1) { fields in
            fields.writeInteger(UInt16(0))
            fields.writeShort(queue)
            fields.writeShort("tag")
            fields.writeInteger(UInt8(0))
            fields.writeInteger(UInt32(0))
        }
    }

    static func publish(_ body: String, to queue: String) -> ByteBuffer {
        var bytes = self.method(60, 40, on: 1) { fields in
            fields.writeInteger(UInt16(0))
            fields.writeShort("")
            fields.writeShort(queue)
            fields.writeInteger(UInt8(0))
        }
        ContentHeader(bodySize: UInt64(body.utf8.count), properties: BasicProperties()).write(into: &bytes, channel: 1)
        Frame.writeBody(Array(body.utf8), into: &bytes, channel: 1, frameMax: 131_072)
        return bytes
    }

    static func ack(_ tag: UInt64) -> ByteBuffer {
        self.method(60, 80, on: 1) { $0.writeMultipleIntegers(tag, UInt8(0)) }
    }

    private static func method(
        _ classID: UInt16,
        _ methodID: UInt16,
        on channel: UInt16 = 0,
        _ writeFields: (inout ByteBuffer) -> Void
    ) -> ByteBuffer {
        var payload = ByteBuffer()
        payload.writeMultipleIntegers(classID, methodID)
        writeFields(&payload)
        var frame = ByteBuffer()
        Frame(kind: .method, channel: channel, payload: payload).write(into: &frame)
        return frame
    }
}

extension ByteBuffer {
    fileprivate mutating func writeShort(_ string: String) {
        self.writeInteger(UInt8(string.utf8.count))
        self.writeString(string)
    }

    fileprivate mutating func writeLong(_ string: String) {
        self.writeInteger(UInt32(string.utf8.count))
        self.writeString(string)
    }
}
