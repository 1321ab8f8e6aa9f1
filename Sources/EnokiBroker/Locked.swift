#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A value behind a mutex.
///
/// `Synchronization.Mutex` would do the same, but its slow path is invisible to the thread sanitizer, which then reports
/// races that are none. A `pthread_mutex_t` costs the same and is understood.
package final class Locked<Value>: @unchecked Sendable {
    // SAFETY: `value` is touched only between lock and unlock of `mutex`; `mutex` has a stable address for its life.
    private var value: Value
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>

    package init(_ value: sending Value) {
        self.value = value
        self.mutex = .allocate(capacity: 1)
        self.mutex.initialize(to: pthread_mutex_t())
        pthread_mutex_init(self.mutex, nil)
    }

    deinit {
        pthread_mutex_destroy(self.mutex)
        self.mutex.deinitialize(count: 1)
        self.mutex.deallocate()
    }

    /// Runs `body` with the value, alone. `body` must not call user code nor take another lock of unknown order.
    package func withLock<Result, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        pthread_mutex_lock(self.mutex)
        defer { pthread_mutex_unlock(self.mutex) }
        return try body(&self.value)
    }
}
