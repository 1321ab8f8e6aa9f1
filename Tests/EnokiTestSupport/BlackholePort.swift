import Foundation

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A port of loopback that swallows who connects: nothing answers, and nothing refuses.
///
/// Its listener takes nobody off its queue, which is full: the kernel drops further attempts without a word.
public final class BlackholePort: Sendable {
    /// The port, on 127.0.0.1.
    public let number: Int
    private let descriptors: [Int32]

    /// A port that swallows everything from now on.
    public init() throws {
        let listener = Self.socket()
        var address = Self.address(port: 0)
        guard Self.pointing(to: &address, { bind(listener, $0, $1) }) == 0, listen(listener, 0) == 0,
            Self.pointing(
                to: &address,
                { pointer, size in
                    var size = size
                    return getsockname(listener, UnsafeMutablePointer(mutating: pointer), &size)
                }
            ) == 0
        else { throw POSIXError(.EADDRINUSE) }
        self.number = Int(UInt16(bigEndian: address.sin_port))
        var descriptors = [listener]
        while true {
            let guest = Self.socket()
            _ = fcntl(guest, F_SETFL, O_NONBLOCK)
            _ = Self.pointing(to: &address) { connect(guest, $0, $1) }
            descriptors.append(guest)
            var query = pollfd(fd: guest, events: Int16(POLLOUT), revents: 0)
            // On loopback who is let in is let in at once.
            if poll(&query, 1, 200) == 0 { break }
            guard descriptors.count < 300 else { throw POSIXError(.EMFILE) }
        }
        self.descriptors = descriptors
    }

    deinit { for descriptor in self.descriptors { close(descriptor) } }

    private static func socket() -> Int32 {
        #if os(Linux)
        Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #else
        Darwin.socket(AF_INET, SOCK_STREAM, 0)
        #endif
    }

    private static func address(port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    private static func pointing<Result>(
        to address: inout sockaddr_in,
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body(UnsafePointer($0), socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}
