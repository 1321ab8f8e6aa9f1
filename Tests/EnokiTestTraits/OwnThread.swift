import Dispatch
public import Testing

/// Runs tests on a thread beside those that all tests share, one after another: those that compute or block for seconds and never give
/// way. On the shared threads, of which there are as many as processors, two of them would stop all others, their timeouts too. More
/// threads than one would take the processors from brokers and other processes.
public struct OwnThread: TestTrait, SuiteTrait, TestScoping {
    /// It is for each test of a suite.
    public var isRecursive: Bool { true }

    /// The thread of a serial queue, which Dispatch gives one however many are busy.
    private final class Executor: TaskExecutor {
        static let shared = Executor()

        private let queue = DispatchQueue(label: "tests beside the others")

        func enqueue(_ job: consuming ExecutorJob) {
            let job = UnownedJob(job)
            self.queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
        }
    }

    /// Runs the test there.
    @concurrent public func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        try await withTaskExecutorPreference(Executor.shared) { try await function() }
    }
}

extension Trait where Self == OwnThread {
    /// A thread for such tests alone.
    public static var ownThread: Self { Self() }
}
