import Enoki

func makeCalls(_ calls: Int, outstanding: Int, on broker: any Broker) async throws -> String {
    let caller = Caller()
    return try await withServices([caller, Calculator()], on: broker) { _ in
        _ = try await caller.call(calls / 10, outstanding)
        let span = Span()
        let latencies = try await caller.call(calls, outstanding)
        return span.report(calls, latencies: latencies)
    }
}

extension Caller {
    /// Makes `calls` calls by `outstanding` tasks; returns how long each took.
    fileprivate func call(_ calls: Int, _ outstanding: Int) async throws -> [Duration] {
        try await withThrowingTaskGroup { group in
            for task in 0..<outstanding {
                group.addTask {
                    var latencies: [Duration] = []
                    for _ in stride(from: task, to: calls, by: outstanding) {
                        let began = ContinuousClock.now
                        guard try await self.calculator(Add(left: 17, right: 25)).sum == 42 else { throw WrongAnswer() }
                        latencies.append(ContinuousClock.now - began)
                    }
                    return latencies
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
    }
}
