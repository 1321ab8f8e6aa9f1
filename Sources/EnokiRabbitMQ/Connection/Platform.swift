import CRabbitMQ
import EnokiBroker

// What differs between Linux and Darwin, and nothing else.

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

enum Platform {
    /// Flags for `send`: a broken connection is an error, never a signal.
    static var sendFlags: Int32 {
        #if os(Linux)
        Int32(MSG_NOSIGNAL)
        #else
        0
        #endif
    }

    /// A pair of descriptors, to read from and to write to, both non-blocking; one and the same with `eventfd`.
    static func makeWakeDescriptors() -> (read: Int32, write: Int32)? {
        #if os(Linux)
        let descriptor = eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC))
        return descriptor < 0 ? nil : (descriptor, descriptor)
        #else
        var descriptors: [Int32] = [-1, -1]
        guard pipe(&descriptors) == 0 else { return nil }
        for descriptor in descriptors {
            _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        }
        return (descriptors[0], descriptors[1])
        #endif
    }

    /// Makes the kernel give up on data that is not acknowledged for `timeout`, where it can.
    static func prepare(socket: Int32, timeout: Duration) {
        #if os(Linux)
        var milliseconds = Int32(clamping: timeout.wholeMilliseconds)
        _ = setsockopt(
            socket,
            Int32(IPPROTO_TCP),
            TCP_USER_TIMEOUT,
            &milliseconds,
            socklen_t(MemoryLayout<Int32>.size)
        )
        #else
        var on: Int32 = 1
        _ = setsockopt(socket, SOL_SOCKET, SO_NOSIGPIPE, &on, socklen_t(MemoryLayout<Int32>.size))
        #endif
    }

    /// The words for an error number.
    static func describe(error number: Int32) -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        _ = strerror_r(number, &buffer, buffer.count)
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
