import EnokiBroker

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Wakes a thread that sleeps in `poll`.
final class Waker: Sendable {
    /// What the sleeper polls; -1, which `poll` ignores, where the process has no descriptor left.
    let descriptor: Int32
    private let writeDescriptor: Int32

    init() {
        let descriptors = Platform.makeWakeDescriptors() ?? (-1, -1)
        self.descriptor = descriptors.read
        self.writeDescriptor = descriptors.write
    }

    deinit {
        if self.descriptor >= 0 { close(self.descriptor) }
        if self.writeDescriptor >= 0, self.writeDescriptor != self.descriptor { close(self.writeDescriptor) }
    }

    /// Wakes the sleeper, or keeps the next one from sleeping.
    func wake() {
        var one: UInt64 = 1
        // It fails only when enough wakes are pending.
        _ = write(self.writeDescriptor, &one, MemoryLayout<UInt64>.size)
    }

    /// Forgets the wakes so far.
    func reset() {
        var sink: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        while read(self.descriptor, &sink, MemoryLayout.size(ofValue: sink)) > 8 {}
    }

    /// Sleeps until somebody wakes, at most for `duration`.
    func sleep(for duration: Duration) {
        var descriptor = pollfd(fd: self.descriptor, events: Int16(POLLIN), revents: 0)
        _ = poll(&descriptor, 1, Int32(clamping: max(0, duration.wholeMilliseconds)))
        if descriptor.revents != 0 { self.reset() }
    }
}
