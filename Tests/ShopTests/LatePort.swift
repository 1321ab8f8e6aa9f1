import Foundation

/// A TCP port on which nothing answers at first: connections are refused, then, as the test wants, kept waiting or passed
/// on to another port.
final class LatePort: Sendable {
    struct Failed: Error {
        let call: String
        let number = errno
    }

    /// The port, on 127.0.0.1.
    let number: UInt16
    private let listener: Int32

    /// Takes a free port. Bound and not listening, it refuses connections, and nobody else can get it.
    init() throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard listener >= 0 else { throw Failed(call: "socket") }
        var address = Self.loopback(port: 0)
        let bound = Self.with(&address) { bind(listener, $0, $1) }
        guard bound == 0 else { throw Failed(call: "bind") }
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(listener, $0, &length) }
        }
        self.listener = listener
        self.number = UInt16(bigEndian: address.sin_port)
    }

    deinit { close(self.listener) }

    /// From now on connections are made, and nobody says a word on them.
    func keepWaiting() throws {
        guard listen(self.listener, 16) == 0 else { throw Failed(call: "listen") }
    }

    /// From now on connections are passed on to `port`.
    func passOn(to port: UInt16) throws {
        try self.keepWaiting()
        let listener = self.listener
        Thread.detachNewThread {
            while case let client = accept(listener, nil, nil), client >= 0 {
                let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
                var address = Self.loopback(port: port)
                guard Self.with(&address, { connect(server, $0, $1) }) == 0 else {
                    close(client)
                    continue
                }
                Thread.detachNewThread { Self.pump(from: client, to: server) }
                Thread.detachNewThread { Self.pump(from: server, to: client) }
            }
        }
    }

    private static func pump(from source: Int32, to target: Int32) {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while case let count = recv(source, &buffer, buffer.count, 0), count > 0 {
            var sent = 0
            while sent < count {
                let written = buffer[sent..<count].withUnsafeBytes {
                    send(target, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                guard written > 0 else { return }
                sent += written
            }
        }
        shutdown(target, Int32(SHUT_WR))
    }

    private static func loopback(port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    private static func with(
        _ address: inout sockaddr_in,
        _ call: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { call($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
    }
}
