import EnokiBroker

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Where lines are written: one of the process's standard streams, one line at a time, unbuffered.
final class Console: Sendable {
    static let output = Console(descriptor: STDOUT_FILENO)
    static let error = Console(descriptor: STDERR_FILENO)

    private let descriptor: Locked<Int32>

    init(descriptor: Int32) { self.descriptor = Locked(descriptor) }

    /// Writes `line` and a line feed. A stream that nobody reads any more is no error.
    func write(_ line: String) {
        var text = line + "\n"
        self.descriptor.withLock { descriptor in
            text.withUTF8 { bytes in
                var rest = UnsafeRawBufferPointer(bytes)
                while let start = rest.baseAddress, !rest.isEmpty {
                    #if canImport(Glibc)
                    let count = Glibc.write(descriptor, start, rest.count)
                    #elseif canImport(Musl)
                    let count = Musl.write(descriptor, start, rest.count)
                    #else
                    let count = Darwin.write(descriptor, start, rest.count)
                    #endif
                    if count < 0, errno == EINTR { continue }
                    guard count > 0 else { return }
                    rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
                }
            }
        }
    }
}
