import Enoki

/// Waits in real time.
enum Patience {
    /// Returns when `latch` is open, when the time is over, or when the task is cancelled.
    ///
    /// - Returns: Whether the latch is open.
    static func wait(for latch: Latch, atMost limit: Duration) async -> Bool {
        await withTaskGroup { group in
            group.addTask { await latch.wait() }
            group.addTask { try? await ContinuousClock().sleep(for: limit) }
            await group.next()
            group.cancelAll()
        }
        return latch.isOpen
    }
}
