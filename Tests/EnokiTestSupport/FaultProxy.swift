import EnokiBroker
public import EnokiRabbitMQ
import Foundation

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A proxy on loopback between a client and a broker that can hurt what passes through it.
public final class FaultProxy: Sendable {
    /// A frame on its way from the broker: type, channel, and what follows the size.
    public struct Frame: Sendable {
        /// 1 for a method, 2 for a content header, 3 for a body, 8 for a heartbeat.
        public var type: UInt8
        /// The number of the channel.
        public var channel: UInt16
        /// What follows the size.
        public var payload: [UInt8]

        /// A frame.
        public init(type: UInt8, channel: UInt16, payload: [UInt8]) {
            self.type = type
            self.channel = channel
            self.payload = payload
        }

        /// Class and method of a method frame.
        public var method: UInt32? {
            guard self.type == 1, self.payload.count >= 4 else { return nil }
            return self.payload[..<4].reduce(0) { $0 << 8 | UInt32($1) }
        }

        var bytes: [UInt8] {
            let size = UInt32(self.payload.count)
            return [self.type, UInt8(self.channel >> 8), UInt8(self.channel & 255)]
                + (0..<4).map { UInt8(truncatingIfNeeded: size >> (24 - 8 * $0)) } + self.payload + [0xCE]
        }

        /// `queue.bind-ok`.
        public static let queueBindOk: UInt32 = 50 << 16 | 21
        /// `basic.ack`.
        public static let basicAck: UInt32 = 60 << 16 | 80
        /// `basic.deliver`.
        public static let basicDeliver: UInt32 = 60 << 16 | 60

        /// `connection.blocked` with `reason`.
        public static func blocked(_ reason: String) -> Frame {
            Frame(type: 1, channel: 0, payload: [0, 10, 0, 60, UInt8(reason.utf8.count)] + Array(reason.utf8))
        }
        /// `connection.unblocked`.
        public static var unblocked: Frame { Frame(type: 1, channel: 0, payload: [0, 10, 0, 61]) }
    }

    private struct Pair {
        let client: Int32
        let server: Int32
    }

    private struct State {
        var listener: Int32 = -1
        /// Bound since the proxy was made, so that nobody else gets its port, and without a listener: connections are refused.
        var reserved: Int32 = -1
        var pairs: [Pair] = []
        var accepted = 0
        var mutesBroker = false
        var mutesClient = false
        var filter: (@Sendable (Frame) -> Bool)?
    }

    private let state = Locked(State())
    /// Held while a frame is written to a client; counts them.
    private let writing = Locked(0)
    /// Where it listens, on 127.0.0.1.
    public let port: Int
    private let target: RabbitMQConfiguration.Endpoint

    /// A proxy in front of `target`; it refuses connections until ``listen()``.
    public init(to target: RabbitMQConfiguration.Endpoint) throws {
        self.target = target
        let listener = try Self.bindListener(port: 0)
        self.port = Self.port(of: listener)
        self.state.withLock { $0.reserved = listener }
    }

    deinit {
        let reserved = self.state.withLock { $0.reserved }
        if reserved >= 0 { Glibc.close(reserved) }
        self.stop()
    }

    /// How many connections were accepted.
    public var accepted: Int { self.state.withLock { $0.accepted } }

    /// Accepts connections from now on.
    public func listen() throws {
        let reserved = self.state.withLock { state in
            defer { state.reserved = -1 }
            return state.reserved
        }
        let listener = try reserved >= 0 ? reserved : Self.bindListener(port: self.port)
        guard Glibc.listen(listener, 64) == 0 else { throw POSIXError(.EADDRINUSE) }
        self.state.withLock { $0.listener = listener }
        let state = self.state
        Thread.detachNewThread { [weak self] in
            while true {
                let client = accept(listener, nil, nil)
                // Of a client that has given up already.
                if client < 0, [EINTR, ECONNABORTED].contains(errno) { continue }
                guard client >= 0, let self, state.withLock({ $0.listener == listener }) else {
                    if client >= 0 { Glibc.close(client) }
                    // Nobody else does: its number could be that of another socket when this thread asks again.
                    Glibc.close(listener)
                    return
                }
                self.serve(client)
            }
        }
    }

    /// Refuses new connections and resets those that are.
    public func stop() {
        let listener = self.state.withLock { state in
            defer { state.listener = -1 }
            return state.listener
        }
        if listener >= 0 { shutdown(listener, Int32(SHUT_RDWR)) }
        self.cut()
    }

    /// Resets all connections.
    public func cut() {
        // Under the lock, or a descriptor could be that of another socket by now.
        self.state.withLock { state in
            for pair in state.pairs {
                var linger = linger(l_onoff: 1, l_linger: 0)
                setsockopt(pair.client, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
                shutdown(pair.server, Int32(SHUT_RDWR))
                shutdown(pair.client, Int32(SHUT_RDWR))
            }
        }
    }

    /// Whether what the broker says is swallowed.
    public func muteBroker(_ on: Bool) { self.state.withLock { $0.mutesBroker = on } }

    /// Whether what the client says is kept back, but for the first of it in its socket.
    public func muteClient(_ on: Bool) { self.state.withLock { $0.mutesClient = on } }

    /// Lets only those frames of the broker through for which `filter` is true.
    public func filter(_ filter: (@Sendable (Frame) -> Bool)?) { self.state.withLock { $0.filter = filter } }

    /// Says something to all clients in the broker's name.
    public func inject(_ frame: Frame) {
        self.writing.withLock { count in
            count += 1
            self.state.withLock { state in
                for pair in state.pairs { Self.write(frame.bytes, to: pair.client) }
            }
        }
    }

    private func serve(_ client: Int32) {
        guard let server = try? Self.connect(to: self.target) else {
            Glibc.close(client)
            return
        }
        let pair = Pair(client: client, server: server)
        self.state.withLock { state in
            state.pairs.append(pair)
            state.accepted += 1
        }
        let remaining = Locked(2)
        let done: @Sendable () -> Void = {
            shutdown(client, Int32(SHUT_RDWR))
            shutdown(server, Int32(SHUT_RDWR))
            let isLast = remaining.withLock { remaining in
                remaining -= 1
                return remaining == 0
            }
            guard isLast else { return }
            self.state.withLock { state in
                state.pairs.removeAll { $0.client == client }
                Glibc.close(client)
                Glibc.close(server)
            }
        }
        Thread.detachNewThread {
            self.pumpFromClient(pair)
            done()
        }
        Thread.detachNewThread {
            self.pumpFromBroker(pair)
            done()
        }
    }

    private func pumpFromClient(_ pair: Pair) {
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = recv(pair.client, &buffer, buffer.count, 0)
            if count <= 0 { return }
            while self.state.withLock({ $0.mutesClient }) {
                var descriptor = pollfd(fd: pair.client, events: 0, revents: 0)
                poll(&descriptor, 1, 5)
                if descriptor.revents != 0 { return }
            }
            guard Self.write(Array(buffer[..<count]), to: pair.server) else { return }
        }
    }

    private func pumpFromBroker(_ pair: Pair) {
        while let header = Self.read(7, from: pair.server) {
            let size = header[3...].reduce(0) { $0 << 8 | Int($1) }
            guard let rest = Self.read(size + 1, from: pair.server) else { return }
            let frame = Frame(
                type: header[0],
                channel: UInt16(header[1]) << 8 | UInt16(header[2]),
                payload: Array(rest.dropLast())
            )
            let (isMute, filter) = self.state.withLock { ($0.mutesBroker, $0.filter) }
            guard !isMute, filter?(frame) ?? true else { continue }
            let isOpen = self.writing.withLock { count in
                count += 1
                return Self.write(header + rest, to: pair.client)
            }
            guard isOpen else { return }
        }
    }

    private static func read(_ count: Int, from descriptor: Int32) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        var offset = 0
        while offset < count {
            let received = bytes.withUnsafeMutableBytes { bytes in
                recv(
                    descriptor,
                    UnsafeMutableRawBufferPointer(rebasing: bytes[offset...]).baseAddress,
                    count - offset,
                    0
                )
            }
            if received <= 0 { return nil }
            offset += received
        }
        return bytes
    }

    @discardableResult
    private static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        var offset = 0
        while offset < bytes.count {
            let sent = bytes.withUnsafeBytes { bytes in
                let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
                return send(descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
            }
            if sent <= 0 { return false }
            offset += sent
        }
        return true
    }

    private static func loopback(port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    private static func withAddress<Result>(
        _ address: inout sockaddr_in,
        _ body: (UnsafeMutablePointer<sockaddr>) -> Result
    ) -> Result {
        withUnsafeMutablePointer(to: &address) { $0.withMemoryRebound(to: sockaddr.self, capacity: 1, body) }
    }

    /// A socket that is bound to a port of 127.0.0.1, any where that is 0.
    public static func bindListener(port: Int) throws -> Int32 {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var on: Int32 = 1
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        var address = Self.loopback(port: port)
        let status = Self.withAddress(&address) { bind(listener, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        guard status == 0 else { throw POSIXError(.EADDRINUSE) }
        return listener
    }

    /// The port that a socket is bound to.
    public static func port(of listener: Int32) -> Int {
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = Self.withAddress(&address) { getsockname(listener, $0, &size) }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    /// Whether somebody listens on `port` of 127.0.0.1.
    public static func accepts(_ port: Int) -> Bool {
        guard let descriptor = try? Self.connect(to: .init(host: "127.0.0.1", port: port)) else { return false }
        Glibc.close(descriptor)
        return true
    }

    private static func connect(to target: RabbitMQConfiguration.Endpoint) throws -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = Self.loopback(port: target.port)
        let status = Self.withAddress(&address) {
            Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
        guard status == 0 else {
            Glibc.close(descriptor)
            throw POSIXError(.ECONNREFUSED)
        }
        return descriptor
    }
}
