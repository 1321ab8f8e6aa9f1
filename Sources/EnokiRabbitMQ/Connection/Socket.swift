import CRabbitMQ

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A connected non-blocking socket, plain or with TLS. It belongs to librabbitmq, which closes it; only the I/O thread
/// uses it.
struct Socket {
    /// What came of a transfer.
    enum Transfer {
        case transferred(Int)
        /// Nothing can be done until the socket is readable, or writable.
        case waitForInput, waitForRoom
        /// The connection is over.
        case failed(String)
    }

    let descriptor: Int32
    /// The `SSL` of OpenSSL.
    let tls: OpaquePointer?

    /// Sends some of `bytes`, which must not be empty.
    func send(_ bytes: UnsafeRawBufferPointer) -> Transfer {
        if let tls {
            ERR_clear_error()
            let count = SSL_write(tls, bytes.baseAddress, Int32(clamping: bytes.count))
            return count > 0 ? .transferred(Int(count)) : self.tlsFailure(tls, count)
        }
        let count = Self.send(self.descriptor, bytes.baseAddress, bytes.count, Platform.sendFlags)
        return count >= 0 ? .transferred(count) : self.failure(blockedBy: .waitForRoom)
    }

    /// Receives into `room`.
    func receive(into room: UnsafeMutableRawBufferPointer) -> Transfer {
        if let tls {
            ERR_clear_error()
            let count = SSL_read(tls, room.baseAddress, Int32(clamping: room.count))
            return count > 0 ? .transferred(Int(count)) : self.tlsFailure(tls, count)
        }
        let count = recv(self.descriptor, room.baseAddress, room.count, 0)
        if count == 0 { return .failed("closed by the broker") }
        return count > 0 ? .transferred(count) : self.failure(blockedBy: .waitForInput)
    }

    private static func send(_ descriptor: Int32, _ bytes: UnsafeRawPointer?, _ count: Int, _ flags: Int32) -> Int {
        #if canImport(Glibc)
        Glibc.send(descriptor, bytes, count, flags)
        #elseif canImport(Musl)
        Musl.send(descriptor, bytes, count, flags)
        #else
        Darwin.send(descriptor, bytes, count, flags)
        #endif
    }

    private func failure(blockedBy block: Transfer) -> Transfer {
        switch errno {
        case EAGAIN, EWOULDBLOCK, EINTR: block
        case let number: .failed(Platform.describe(error: number).lowercased())
        }
    }

    private func tlsFailure(_ tls: OpaquePointer, _ result: Int32) -> Transfer {
        let systemError = errno
        switch SSL_get_error(tls, result) {
        case SSL_ERROR_WANT_READ: return .waitForInput
        case SSL_ERROR_WANT_WRITE: return .waitForRoom
        case SSL_ERROR_ZERO_RETURN: return .failed("closed by the broker")
        case SSL_ERROR_SYSCALL where systemError != 0:
            return .failed(Platform.describe(error: systemError).lowercased())
        default: return .failed("TLS: \(TLSErrors.last ?? "closed by the broker")")
        }
    }
}
