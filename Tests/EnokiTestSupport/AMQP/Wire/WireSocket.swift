import Foundation

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A blocking socket to a broker on this machine.
struct WireSocket: Sendable {
    /// What the system said.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private let descriptor: Int32

    /// Connects to `port` of 127.0.0.1.
    init(port: UInt16) throws {
        #if os(Linux)
        let stream = Int32(SOCK_STREAM.rawValue)
        #else
        let stream = SOCK_STREAM
        #endif
        self.descriptor = socket(AF_INET, stream, 0)
        guard self.descriptor >= 0 else { throw Self.failure("socket") }
        var on: Int32 = 1
        setsockopt(self.descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        #if !os(Linux)
        setsockopt(self.descriptor, SOL_SOCKET, SO_NOSIGPIPE, &on, socklen_t(MemoryLayout<Int32>.size))
        #endif
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(self.descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else {
            let failure = Self.failure("connect")
            _ = Foundation.close(self.descriptor)
            throw failure
        }
    }

    /// Sends all of `bytes`.
    func send(_ bytes: [UInt8]) throws {
        #if os(Linux)
        let flags = Int32(MSG_NOSIGNAL)
        #else
        let flags: Int32 = 0
        #endif
        try bytes.withUnsafeBytes { bytes in
            var sent = 0
            while sent < bytes.count {
                let count = Foundation.send(
                    self.descriptor,
                    bytes.baseAddress.map { $0 + sent },
                    bytes.count - sent,
                    flags
                )
                if count < 0 && errno == EINTR { continue }
                guard count > 0 else { throw Self.failure("send") }
                sent += count
            }
        }
    }

    /// Waits for bytes; none means that the peer has closed the connection.
    func receive() throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: 64 * 1024) { buffer, received in
            var count: Int
            repeat {
                count = recv(self.descriptor, buffer.baseAddress, buffer.count, 0)
            } while count < 0 && errno == EINTR
            guard count >= 0 else { throw Self.failure("receive") }
            received = count
        }
    }

    /// Ends both directions; whoever waits in ``receive()`` returns.
    func shutdown() { _ = Foundation.shutdown(self.descriptor, Int32(SHUT_RDWR)) }

    /// Ends what is sent; the peer reads to the end of it.
    func finishSending() { _ = Foundation.shutdown(self.descriptor, Int32(SHUT_WR)) }

    /// Gives the descriptor back; only the thread that receives may call it, when it has ended.
    func close() { _ = Foundation.close(self.descriptor) }

    private static func failure(_ call: String) -> Failure {
        Failure(description: "\(call): \(String(cString: strerror(errno)))")
    }
}
