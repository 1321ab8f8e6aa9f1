import Dispatch

/// Runs `body`, which waits for a person or for a process, on a thread that nobody else needs.
func blockingCall<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result {
    await withCheckedContinuation { continuation in
        DispatchQueue.global().async { continuation.resume(returning: body()) }
    }
}
