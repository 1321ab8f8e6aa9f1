#if canImport(Glibc)
package import Glibc
#elseif canImport(Musl)
package import Musl
#else
package import Darwin
#endif

/// A value behind a mutex; copies of it share the value.
///
/// `Synchronization.Mutex` would do the same, but its slow path is invisible to the thread sanitizer, which then reports
/// races that are none. A `pthread_mutex_t` costs the same and is understood.
// SAFETY: the value is touched only between lock and unlock of the mutex. Both live in one object of the heap, so that the
// mutex has a stable address for its life.
package struct Locked<Value>: @unchecked Sendable {
    @usableFromInline let storage: ManagedBuffer<Value, pthread_mutex_t>

    package init(_ value: sending Value) {
        self.storage = LockedStorage.create(minimumCapacity: 1) { _ in value }
        self.storage.withUnsafeMutablePointerToElements { mutex in
            mutex.initialize(to: pthread_mutex_t())
            pthread_mutex_init(mutex, nil)
        }
    }

    /// Runs `body` with the value, alone. `body` must not call user code nor take another lock of unknown order.
    @inlinable
    package func withLock<Result, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try self.storage.withUnsafeMutablePointers { value, mutex throws(Failure) in
            pthread_mutex_lock(mutex)
            defer { pthread_mutex_unlock(mutex) }
            return try body(&value.pointee)
        }
    }
}

private final class LockedStorage<Value>: ManagedBuffer<Value, pthread_mutex_t> {
    deinit {
        self.withUnsafeMutablePointerToElements { mutex in
            pthread_mutex_destroy(mutex)
            mutex.deinitialize(count: 1)
        }
    }
}
