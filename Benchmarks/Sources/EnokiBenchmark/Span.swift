#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// What is measured: the time and the process's CPU from the span's beginning to its end.
struct Span {
    private let began = ContinuousClock.now
    private let usedBefore = Self.processorTime

    /// What there is to print of a span in which `messages` messages went their way: messages per second, CPU per message
    /// in microseconds, and, of `latencies`, the 50th and the 99th percentile in microseconds.
    func report(_ messages: Int, latencies: [Duration] = []) -> String {
        let seconds = (ContinuousClock.now - self.began) / .seconds(1)
        let used = (Self.processorTime - self.usedBefore) / .microseconds(1)
        let sorted = latencies.sorted()
        func percentile(_ part: Int) -> String {
            sorted.isEmpty ? "-" : "\(Int(sorted[sorted.count * part / 100] / .microseconds(1)))"
        }
        let cpu = (used / Double(messages) * 100).rounded() / 100
        return "\(Int(Double(messages) / seconds)) \(cpu) \(percentile(50)) \(percentile(99))"
    }

    /// User and system time of all threads of the process.
    private static var processorTime: Duration {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return .seconds(Int(time.tv_sec)) + .nanoseconds(Int(time.tv_nsec))
    }
}
