import EnokiAMQP
import NIOCore
import NIOPosix

/// A client that says all it has to say at once, and then listens.
struct PipelinedClient {
    /// Why the port closed the connection.
    struct Close: Equatable {
        let code: UInt16
        let text: String
    }

    private var bytes = ByteBuffer()

    /// Logs in as `guest`, opens channel 1 and does what `session` says.
    ///
    /// - Returns: What the port's `connection.close` said; `nil` where it closed the socket without one.
    static func close(by port: AMQPPort, _ session: (inout PipelinedClient) -> Void) async throws -> Close? {
        var client = PipelinedClient()
        client.logIn()
        session(&client)
        var close: Close?
        try await self.exchange(client.bytes, with: port) { answer in
            close = Self.close(in: answer)
            return close == nil
        }
        return close
    }

    /// Sends bytes and returns all that comes until the port closes the socket.
    static func send(_ bytes: ByteBuffer, to port: AMQPPort) async throws -> ByteBuffer {
        var answer = ByteBuffer()
        try await self.exchange(bytes, with: port) {
            answer = $0
            return true
        }
        return answer
    }

    /// Sends bytes, and listens until the port closes the socket, or as long as `goesOn` wants more than what came so far.
    private static func exchange(
        _ bytes: ByteBuffer,
        with port: AMQPPort,
        while goesOn: (ByteBuffer) -> Bool
    ) async throws {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port.number) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        try await channel.executeThenClose { inbound, outbound in
            try await outbound.write(bytes)
            var received = ByteBuffer()
            for try await part in inbound {
                received.writeImmutableBuffer(part)
                guard goesOn(received) else { break }
            }
        }
    }

    /// The first `connection.close` among frames.
    private static func close(in frames: ByteBuffer) -> Close? {
        var frames = frames
        while let (kind, _, size) = frames.readMultipleIntegers(as: (UInt8, UInt16, UInt32).self) {
            guard var payload = frames.readSlice(length: Int(size)), frames.readInteger(as: UInt8.self) == 0xCE else {
                return nil
            }
            guard kind == 1, payload.readInteger(as: UInt32.self) == 10 << 16 | 50 else { continue }
            guard let code = payload.readInteger(as: UInt16.self), let length = payload.readInteger(as: UInt8.self)
            else {
                return nil
            }
            return Close(code: code, text: payload.readString(length: Int(length)) ?? "")
        }
        return nil
    }

    // MARK: - Frames

    mutating func publish(routingKey: [UInt8]) {
        self.method(60, 40, on: 1) { arguments in
            arguments.writeBytes([0, 0, 0, UInt8(routingKey.count)] + routingKey + [0])
        }
    }

    mutating func header(bodySize: UInt64) {
        self.frame(2, on: 1) { payload in
            payload.writeMultipleIntegers(UInt16(60), UInt16(0), bodySize, UInt16(0))
        }
    }

    mutating func body(_ bytes: [UInt8]) { self.frame(3, on: 1) { $0.writeBytes(bytes) } }

    mutating func declareQueue(arguments table: ByteBuffer) {
        self.method(50, 10, on: 1) { arguments in
            arguments.writeBytes([0, 0, 0, 0])
            arguments.writeImmutableBuffer(table)
        }
    }

    /// `connection.close`, as a client that is content says it, and its agreement that all is over.
    mutating func close() {
        self.method(10, 50) { $0.writeMultipleIntegers(UInt16(200), UInt8(0), UInt16(0), UInt16(0)) }
        self.method(10, 51) { _ in }
    }

    private mutating func logIn() {
        self.bytes.writeBytes(Array("AMQP".utf8) + [0, 0, 9, 1])
        self.method(10, 11) { startOk in
            startOk.writeInteger(UInt32(0))
            Self.write("PLAIN", to: &startOk)
            startOk.writeInteger(UInt32(12))
            startOk.writeString("\0guest\0guest")
            Self.write("en_US", to: &startOk)
        }
        self.method(10, 31) { $0.writeMultipleIntegers(UInt16(2047), UInt32(131_072), UInt16(0)) }
        self.method(10, 40) { open in
            Self.write("/", to: &open)
            open.writeBytes([0, 0])
        }
        self.method(20, 10, on: 1) { $0.writeInteger(UInt8(0)) }
    }

    private mutating func method(
        _ classID: UInt16,
        _ methodID: UInt16,
        on channel: UInt16 = 0,
        _ arguments: (inout ByteBuffer) -> Void
    ) {
        self.frame(1, on: channel) { payload in
            payload.writeMultipleIntegers(classID, methodID)
            arguments(&payload)
        }
    }

    private mutating func frame(_ kind: UInt8, on channel: UInt16, _ write: (inout ByteBuffer) -> Void) {
        var payload = ByteBuffer()
        write(&payload)
        self.bytes.writeMultipleIntegers(kind, channel, UInt32(payload.readableBytes))
        self.bytes.writeBuffer(&payload)
        self.bytes.writeInteger(UInt8(0xCE))
    }

    private static func write(_ text: String, to buffer: inout ByteBuffer) {
        buffer.writeInteger(UInt8(text.utf8.count))
        buffer.writeString(text)
    }
}
