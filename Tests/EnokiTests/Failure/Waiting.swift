import EnokiTestSupport
import EnokiTesting

@testable import Enoki

/// Has calls that wait for a test, and knows its container.
final class Waiting: DependencyProvider {
    let container = Locked<ServiceContainer?>(nil)
    private let calls = Locked<[CheckedContinuation<Void, Never>]>([])

    func setup(_ container: ServiceContainer) async throws { self.container.withLock { $0 = container } }

    /// Waits, whether the task is cancelled or not.
    func wait() async { await withCheckedContinuation { call in self.calls.withLock { $0.append(call) } } }

    func release() {
        let calls = self.calls.withLock { calls in
            defer { calls = [] }
            return calls
        }
        for call in calls { call.resume() }
    }

    var leakedCalls: Int { self.container.withLock { $0?.leakedCalls } ?? -1 }
}
