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
    /// How long it sleeps at most while nobody can wake it.
    private static let shortSleep = Duration.milliseconds(100)

    private let make: @Sendable () -> (read: Int32, write: Int32)?
    private let descriptors: Locked<(read: Int32, write: Int32)?>

    /// - Parameter make: Makes a pair of descriptors, `nil` where the process has none left.
    init(make: @escaping @Sendable () -> (read: Int32, write: Int32)? = Platform.makeWakeDescriptors) {
        self.make = make
        self.descriptors = Locked(make())
    }

    deinit {
        guard let (read, write) = self.descriptors.withLock({ $0 }) else { return }
        close(read)
        if write != read { close(write) }
    }

    /// Whether it can wake anybody. Where it could not get descriptors before, it tries again.
    func isReady() -> Bool {
        self.descriptors.withLock { descriptors in
            descriptors = descriptors ?? self.make()
            return descriptors != nil
        }
    }

    /// What the sleeper polls; -1, which `poll` ignores, where it has none.
    var descriptor: Int32 { self.descriptors.withLock { $0?.read ?? -1 } }

    /// Wakes the sleeper, or keeps the next one from sleeping.
    func wake() {
        var one: UInt64 = 1
        // It fails only when enough wakes are pending.
        _ = write(self.descriptors.withLock { $0?.write ?? -1 }, &one, MemoryLayout<UInt64>.size)
    }

    /// Forgets the wakes so far.
    func reset() {
        var sink: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        while read(self.descriptor, &sink, MemoryLayout.size(ofValue: sink)) > 8 {}
    }

    /// Sleeps until somebody wakes, at most for `duration`; it may be less.
    func sleep(for duration: Duration) {
        var descriptor = pollfd(fd: self.descriptor, events: Int16(POLLIN), revents: 0)
        let time = descriptor.fd < 0 ? min(duration, Self.shortSleep) : duration
        _ = poll(&descriptor, 1, Int32(clamping: max(0, time.wholeMilliseconds)))
        if descriptor.revents != 0 { self.reset() }
    }
}
