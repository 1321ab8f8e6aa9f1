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

    @Test func whoIsAloneHasNobodyBesideItAndIsNotOvertaken() async throws {
        let turnstile = Turnstile(places: 3)
        let inside = Locked(0)
        let order = Locked<[String]>([])
        let (first, isIn) = (Latch(), Latch())
        try await withThrowingTaskGroup { group in
            group.addTask {
                try await turnstile.pass {
                    isIn.open()
                    await first.wait()
                    order.withLock { $0.append("first") }
                }
            }
            await isIn.wait()
            group.addTask {
                try await turnstile.pass(isAlone: true) {
                    inside.withLock { $0 += 1 }
                    for _ in 0..<100 { await Task.yield() }
                    #expect(inside.withLock { $0 } == 1)
                    inside.withLock { $0 -= 1 }
                    order.withLock { $0.append("alone") }
                }
            }
            while await turnstile.waitingCount == 0 { await Task.yield() }
            for _ in 0..<10 {
                group.addTask {
                    try await turnstile.pass {
                        inside.withLock { $0 += 1 }
                        order.withLock { $0.append("other") }
                        inside.withLock { $0 -= 1 }
                    }
                }
            }
            while await turnstile.waitingCount < 11 { await Task.yield() }
            first.open()
            try await group.waitForAll()
        }
        #expect(order.withLock { $0 } == ["first", "alone"] + Array(repeating: "other", count: 10))
    }
}
