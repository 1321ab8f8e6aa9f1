import EnokiBroker

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The two sockets of one connection through a ``ChaosProxy``.
final class ProxiedConnection: Sendable {
    let id: Int
    private let client: Int32
    private let server: Int32
    /// `POLLRDHUP`, which the C library shows only to who asks for GNU's extensions.
    private static let hangUp: Int16 = 0x2000
    private let state = Locked((blackholes: Set<Direction>(), isClosed: false))

    init(id: Int, client: Int32, server: Int32) {
        self.id = id
        self.client = client
        self.server = server
        for socket in [client, server] {
            var on: Int32 = 1
            setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        }
    }

    func isBlackholed(_ direction: Direction) -> Bool { self.state.withLock { $0.blackholes.contains(direction) } }

    /// Lets nothing through that way any more; not even that the sender has gone.
    func blackhole(_ direction: Direction) { self.state.withLock { _ = $0.blackholes.insert(direction) } }

    /// Waits for bytes that go `direction`; `nil` at the end. In a blackhole it leaves them in the socket.
    func receive(_ direction: Direction, into buffer: UnsafeMutableRawBufferPointer) -> Int? {
        let source = direction == .toBroker ? self.client : self.server
        while true {
            let isBlackholed = self.isBlackholed(direction)
            var descriptor = pollfd(fd: source, events: isBlackholed ? Self.hangUp : Int16(POLLIN), revents: 0)
            // Wakes up now and then to see whether it has become a blackhole.
            guard poll(&descriptor, 1, 50) >= 0 || errno == EINTR else { return nil }
            if self.state.withLock({ $0.isClosed }) { return nil }
            guard descriptor.revents != 0 else { continue }
            if isBlackholed { return nil }
            let count = recv(source, buffer.baseAddress, buffer.count, 0)
            return count > 0 ? count : nil
        }
    }

    /// Sends bytes on their way; false when nobody takes them.
    func send(_ direction: Direction, _ bytes: UnsafeRawBufferPointer) -> Bool {
        let destination = direction == .toBroker ? self.server : self.client
        var rest = bytes
        while !rest.isEmpty {
            let count = Glibc.send(destination, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
            guard count > 0 else { return false }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
        return true
    }

    /// Says to both sides that the other has ended.
    func finish() {
        self.unlessClosed {
            shutdown(self.client, Int32(SHUT_WR))
            shutdown(self.server, Int32(SHUT_WR))
        }
    }

    /// Resets both sides.
    func reset() {
        self.unlessClosed {
            LoopbackSocket.reset(self.client)
            LoopbackSocket.reset(self.server)
        }
    }

    /// Gives the sockets back; nobody may be reading from them.
    func close() {
        self.state.withLock { state in
            guard !state.isClosed else { return }
            state.isClosed = true
            Glibc.close(self.client)
            Glibc.close(self.server)
        }
    }

    /// A closed descriptor's number may be somebody else's by now.
    private func unlessClosed(_ body: () -> Void) {
        self.state.withLock { state in if !state.isClosed { body() } }
    }
}
