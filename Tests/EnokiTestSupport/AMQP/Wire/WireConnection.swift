import EnokiBroker
import Foundation

/// A connection of a client that knows nothing but the bytes of AMQP 0-9-1: no transport of this package is in it, so it
/// can judge them.
///
/// A thread of its own reads. Channels are opened, used and closed by a test's task.
final class WireConnection: AMQPPeerConnection {
    /// The size of the largest frame, as agreed on.
    static let largestFrame = 131_072

    private struct State {
        var channels: [UInt16: WireChannel] = [:]
        var lastChannel: UInt16 = 0
        var isOver = false
    }

    private let socket: WireSocket
    private let state = Locked(State())
    /// Whether the socket is open; held while bytes are sent.
    private let isOpen = Locked(true)
    private let end = Latch()

    private init(_ socket: WireSocket) { self.socket = socket }

    /// Connects to `port` of this machine and logs in.
    static func open(port: UInt16, virtualHost: String, user: String, password: String) async throws -> WireConnection {
        let connection = WireConnection(try WireSocket(port: port))
        try await withCheckedThrowingContinuation { (opened: CheckedContinuation<Void, any Error>) in
            let thread = Thread {
                var buffer: [UInt8] = []
                do {
                    try connection.logIn(virtualHost, user, password, &buffer)
                    opened.resume()
                } catch {
                    opened.resume(throwing: error)
                    connection.finish("the login failed")
                    return
                }
                connection.read(buffer)
            }
            thread.name = "amqp wire"
            thread.start()
        }
        return connection
    }

    func openChannel() async throws -> any AMQPPeerChannel {
        let channel = self.state.withLock { state in
            state.lastChannel += 1
            let channel = WireChannel(number: state.lastChannel, of: self)
            state.channels[channel.number] = channel
            return channel
        }
        if self.state.withLock({ $0.isOver }) { channel.close(.lost("the connection is closed")) }
        try await channel.open()
        return channel
    }

    func close() async throws {
        var close = WireWriter.close(classID: 10, methodID: 50)
        self.send([WireFrame(kind: .method, channel: 0, payload: close.finish())])
        await self.end.wait()
    }

    func abort() async {
        self.shutdown()
        await self.end.wait()
    }

    /// Sends frames, one after the other, if `condition` holds; a connection that is over swallows them.
    ///
    /// A channel's condition is that it is open: looked at while nobody else can send, so that nothing follows the
    /// `channel.close-ok` of the thread that reads.
    func send(_ frames: [WireFrame], if condition: () -> Bool = { true }) {
        self.isOpen.withLock { isOpen in
            if isOpen, condition() { try? self.socket.send(frames.flatMap(\.bytes)) }
        }
    }

    private func shutdown() { self.isOpen.withLock { isOpen in if isOpen { self.socket.shutdown() } } }

    /// A channel that is closed on both sides gets nothing more.
    func forget(_ channel: WireChannel) { self.state.withLock { $0.channels[channel.number] = nil } }
}

// What the thread does.
extension WireConnection {
    private func logIn(_ virtualHost: String, _ user: String, _ password: String, _ buffer: inout [UInt8]) throws {
        try self.socket.send(Array("AMQP".utf8) + [0, 0, 9, 1])
        _ = try self.arguments(of: 10, &buffer)
        var startOk = WireWriter(classID: 10, methodID: 11)
        let capabilities = [
            "publisher_confirms", "exchange_exchange_bindings", "basic.nack", "consumer_cancel_notify",
            "connection.blocked", "authentication_failure_close",
        ]
        startOk.table(["product": "wire", "capabilities": .table(Headers(capabilities.map { ($0, .bool(true)) }))])
        startOk.shortString("PLAIN")
        startOk.longString("\0\(user)\0\(password)".utf8)
        startOk.shortString("en_US")
        self.send([WireFrame(kind: .method, channel: 0, payload: startOk.finish())])
        _ = try self.arguments(of: 30, &buffer)
        var tuneOk = WireWriter(classID: 10, methodID: 31)
        tuneOk.integer(UInt16(2047))
        tuneOk.integer(UInt32(Self.largestFrame))
        tuneOk.integer(UInt16(0))
        var open = WireWriter(classID: 10, methodID: 40)
        open.shortString(virtualHost)
        open.shortString("")
        open.bit(false)
        self.send([tuneOk.finish(), open.finish()].map { WireFrame(kind: .method, channel: 0, payload: $0) })
        _ = try self.arguments(of: 41, &buffer)
    }

    /// Waits for the connection's method of that number.
    private func arguments(of methodID: UInt16, _ buffer: inout [UInt8]) throws -> WireReader {
        while true {
            if let frame = try WireFrame.next(from: &buffer) {
                var reader = WireReader(frame.payload)
                guard try reader.integer(UInt16.self) == 10 else { throw WireFrame.Malformed() }
                let found = try reader.integer(UInt16.self)
                if found == 50 { throw try reader.closure(of: .connection) }
                guard found == methodID else { throw WireFrame.Malformed() }
                return reader
            }
            let bytes = try self.socket.receive()
            guard !bytes.isEmpty else { throw AMQPClosure.lost("the broker has hung up") }
            buffer += bytes
        }
    }

    private func read(_ rest: [UInt8]) {
        var buffer = rest
        do {
            while true {
                while let frame = try WireFrame.next(from: &buffer) { try self.receive(frame) }
                let bytes = try self.socket.receive()
                guard !bytes.isEmpty else { break }
                buffer += bytes
            }
            self.finish("the broker has hung up")
        } catch {
            self.finish("\(error)")
        }
    }

    private func receive(_ frame: WireFrame) throws {
        guard frame.channel == 0 else {
            try self.state.withLock { $0.channels[frame.channel] }?.receive(frame)
            return
        }
        guard frame.kind == .method else { return }
        var reader = WireReader(frame.payload)
        _ = try reader.integer(UInt16.self)
        switch try reader.integer(UInt16.self) {
        case 50:
            let closure = try reader.closure(of: .connection)
            let closeOk = WireWriter(classID: 10, methodID: 51)
            self.send([WireFrame(kind: .method, channel: 0, payload: closeOk.bytes)])
            self.closeChannels(closure)
        case 51: self.shutdown()
        default: break  // blocked, unblocked
        }
    }

    private func finish(_ reason: String) {
        self.closeChannels(.lost(reason))
        self.isOpen.withLock { isOpen in
            isOpen = false
            self.socket.close()
        }
        self.end.open()
    }

    private func closeChannels(_ closure: AMQPClosure) {
        let channels = self.state.withLock { state in
            defer { state.channels = [:] }
            state.isOver = true
            return state.channels.values
        }
        for channel in channels { channel.close(closure) }
    }
}

extension AMQPClosure {
    /// The connection ended without `connection.close`.
    fileprivate static func lost(_ reason: String) -> AMQPClosure {
        AMQPClosure(.connection, code: 0, text: reason, classID: 0, methodID: 0)
    }
}
