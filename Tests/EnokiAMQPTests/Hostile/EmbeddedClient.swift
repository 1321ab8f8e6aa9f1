import EnokiBroker
import EnokiInProcess
import EnokiTestSupport
import Logging
import NIOCore
import NIOEmbedded
import Testing

@testable import EnokiAMQP

/// A client whose connection is no socket, and whose time a test moves. All of it happens on the test's thread, so the test
/// must not be asynchronous.
final class EmbeddedClient {
    let channel: EmbeddedChannel
    /// What the port has sent and nobody has taken.
    private var received = ByteBuffer()
    /// Whether the port has given up its part of the connection.
    private(set) weak var handler: ConnectionHandler?

    init(
        _ brokers: [InProcessBroker],
        configuration: AMQPConfiguration = AMQPConfiguration(),
        isLoopback: Bool = true,
        loop: EmbeddedEventLoop = EmbeddedEventLoop(),
        logger: Logger = TestBroker.silent
    ) throws {
        let context = ConnectionContext(
            configuration: configuration,
            brokers: Dictionary(uniqueKeysWithValues: brokers.map { (ByteName($0.virtualHost), $0) }),
            isLoopback: isLoopback,
            logger: logger
        )
        let handler = ConnectionHandler(context: context)
        self.handler = handler
        self.channel = EmbeddedChannel(handler: handler, loop: loop)
        try self.channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 5672)).wait()
    }

    var isConnected: Bool { self.channel.isActive }

    /// Whether the port reads; a socket would still take a little.
    var isReadFrom: Bool {
        let reading = self.channel.options.last { $0.0 is ChannelOptions.Types.AutoReadOption }
        return reading.flatMap { $0.1 as? Bool } ?? true
    }

    /// Sends bytes; a connection that is closed swallows them.
    func send(_ bytes: [UInt8]) throws {
        guard self.isConnected else { return }
        try self.channel.writeInbound(ByteBuffer(bytes: bytes))
        self.channel.embeddedEventLoop.run()
    }

    func send(_ pieces: [[UInt8]]) throws { try self.send(pieces.flatMap(\.self)) }

    /// Lets time pass.
    func wait(_ time: TimeAmount) { self.channel.embeddedEventLoop.advanceTime(by: time) }

    /// Says whether the port may send more.
    func setReads(_ reads: Bool) {
        self.channel.isWritable = reads
        self.channel.pipeline.fireChannelWritabilityChanged()
        self.channel.embeddedEventLoop.run()
    }

    /// Hangs up.
    func disconnect() {
        self.channel.close(promise: nil)
        self.channel.embeddedEventLoop.run()
    }

    /// Takes what the port has sent, as it was on the wire.
    func takeBytes() throws -> ByteBuffer {
        // Others may have caused something for it.
        self.channel.embeddedEventLoop.run()
        while let bytes = try self.channel.readOutbound(as: ByteBuffer.self) {
            self.received.writeImmutableBuffer(bytes)
        }
        defer { self.received = ByteBuffer() }
        return self.received
    }

    /// Takes the frames that the port has sent, which must be whole.
    func takeFrames() throws -> [Frame] {
        var bytes = try self.takeBytes()
        var frames: [Frame] = []
        while let frame = try bytes.readFrame(frameMax: 0) { frames.append(frame) }
        try #require(bytes.readableBytes == 0, "the port has sent \(bytes.readableBytes) bytes that are no frame")
        return frames
    }

    /// Takes the class and method numbers of what the port has sent, in the form `60.80`.
    func takeMethods() throws -> [String] {
        try self.takeFrames().filter { $0.kind == .method }.map(\.method)
    }

    /// Logs in, and takes the port's part of it.
    func logIn(_ session: ClientSession = .login()) throws {
        try self.send(session.pieces)
        try #require(try self.takeMethods() == ["10.10", "10.30", "10.41"])
    }
}

extension Frame {
    /// The numbers of its class and its method, in the form `60.80`.
    var method: String {
        var payload = self.payload
        return "\(payload.readInteger(as: UInt16.self) ?? 0).\(payload.readInteger(as: UInt16.self) ?? 0)"
    }
}
