import EnokiBroker
import Testing

@Suite struct TurnstileTests {
    @Test func noMoreThanSoManyAreInAtOnce() async throws {
        let turnstile = Turnstile(places: 3)
        let inside = Locked((now: 0, most: 0))
        try await withThrowingTaskGroup { group in
            for _ in 0..<50 {
                group.addTask {
                    try await turnstile.pass {
                        inside.withLock { inside in
                            inside.now += 1
                            inside.most = max(inside.most, inside.now)
                        }
                        for _ in 0..<10 { await Task.yield() }
                        inside.withLock { $0.now -= 1 }
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(inside.withLock { $0.most } == 3)
    }
}
