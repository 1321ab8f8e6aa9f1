import Dispatch
public import Testing

/// Runs tests on a thread of their own: those that compute for seconds and never give way. On the threads that all tests share, of which
/// there are as many as processors, two of them would stop all others, their timeouts too.
public struct OwnThread: TestTrait, SuiteTrait, TestScoping {
    /// It is for each test of a suite.
    public var isRecursive: Bool { true }

    /// One of a serial queue, which Dispatch gives a thread however many are busy.
    private final class Executor: TaskExecutor {
        private let queue = DispatchQueue(label: "a test's own")

        func enqueue(_ job: consuming ExecutorJob) {
            let job = UnownedJob(job)
            self.queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
        }
    }

    /// Makes the thread and runs the test on it.
    @concurrent public func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        try await withTaskExecutorPreference(Executor()) { try await function() }
    }
}

extension Trait where Self == OwnThread {
    /// A thread for each test, or each of its cases, alone.
    public static var ownThread: Self { Self() }
}
