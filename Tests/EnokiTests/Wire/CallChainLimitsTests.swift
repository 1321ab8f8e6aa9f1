import Testing

@testable import Enoki

@Suite struct CallChainLimitsTests {
    /// The ids of calls `a.b`, as peers send them.
    private func context(_ calls: [String], depth: Int? = nil) -> CallContext {
        CallContext(callIDStack: calls.enumerated().map { "\($0.element).\($0.offset)" }, depth: depth)
    }

    private func limits(repeats: Int = 0, depth: Int = 0) -> CallChainLimits {
        var limits = CallChainLimits()
        limits.repeats = repeats
        limits.depth = depth
        return limits
    }

    @Test func theFirstCallOfAChainIsMade() {
        #expect(CallChainLimits().excess("a", "b", after: self.context([])) == nil)
        #expect(CallChainLimits().excess("a", "b", after: self.context(["web.get"])) == nil)
    }

    @Test func aCallMayStandInItsChainAsOftenAsTheLimitSays() {
        let limits = self.limits(repeats: 3)
        #expect(limits.excess("a", "b", after: self.context(["a.b", "a.c", "a.b", "c.b"])) == nil)
        let excess = limits.excess("a", "b", after: self.context(["a.b", "a.b", "x.y", "a.b", "c.d"]))
        #expect(
            excess == CallChainExceeded(call: "a.b", limit: .repeats, count: 3, chain: ["a.b", "c.d", "a.b"])
        )
    }

    @Test func aChainMayBeAsLongAsTheLimitSays() {
        let limits = self.limits(depth: 3)
        #expect(limits.excess("a", "b", after: self.context(["c.d", "e.f"])) == nil)
        let excess = limits.excess("a", "b", after: self.context(["c.d", "e.f", "g.h"]))
        #expect(
            excess == CallChainExceeded(call: "a.b", limit: .depth, count: 3, chain: ["c.d", "e.f", "g.h", "a.b"])
        )
    }

    @Test func callsThatAreNoLongerAmongTheIdsCountToo() {
        let limits = self.limits(depth: 3)
        #expect(limits.excess("a", "b", after: self.context(["c.d"], depth: 2)) == nil)
        #expect(
            limits.excess("a", "b", after: self.context(["a.b", "c.d"], depth: 3))?.chain == ["a.b", "c.d", "a.b"]
        )
    }

    @Test func callsBeforeAnEventDoNotCount() {
        let calls = Array(repeating: "a.b", count: 10)
        #expect(self.limits(repeats: 3).excess("a", "b", after: self.context(calls, depth: 2)) == nil)
        #expect(self.limits(repeats: 3).excess("a", "b", after: self.context(calls, depth: 3))?.count == 3)
        #expect(self.limits(depth: 3).excess("a", "b", after: self.context(calls, depth: 2)) == nil)
    }

    @Test func zeroIsNoLimit() {
        let calls = Array(repeating: "a.b", count: 32)
        #expect(self.limits().excess("a", "b", after: self.context(calls, depth: 1_000_000)) == nil)
        #expect(self.limits(repeats: 40).excess("a", "b", after: self.context(calls)) == nil)
    }

    @Test func namesAreComparedByTheirBytes() {
        let limits = self.limits(repeats: 1)
        #expect(limits.excess("a", "\u{E9}", after: self.context(["a.e\u{301}"])) == nil)
        #expect(limits.excess("a", "\u{E9}", after: self.context(["a.\u{E9}"])) != nil)
        // Not `a.b` with an id behind it.
        for id in ["a", "a.b", "", ".", "a.bc.1", "xa.b.1"] {
            #expect(limits.excess("a", "b", after: CallContext(callIDStack: [id])) == nil)
        }
    }

    @Test func theDefaultsKeepOneChainFromTakingAllWorkersOfAService() {
        #expect(CallChainLimits().repeats < ServiceSettings().maxWorkers)
        #expect(CallChainLimits().depth / 2 < ServiceSettings().maxWorkers)
        // Else it would be a limit that nobody can see.
        #expect(CallChainLimits().repeats <= ServiceSettings().parentCallsTracked)
    }

    @Test func theErrorSaysWhatGoesInACircle() {
        let error = CallChainExceeded(call: "a.b", limit: .repeats, count: 8, chain: ["a.b", "c.d", "a.b"])
        #expect(
            "\(error)"
                == "a.b was not called: it stands 8 times in the chain of calls that wait for it, which is as many as "
                + "call_repeat_limit allows (a.b → c.d → a.b)"
        )
        #expect(CallChainExceeded(arguments: error.arguments) == error)
        #expect(CallChainExceeded(arguments: ["a.b", "none", 8, []]) == nil)
        #expect(CallChainExceeded(arguments: []) == nil)
    }

    @Test(arguments: [-1, 1001]) func whatIsNoLimitIsRefused(_ value: Int) {
        #expect(throws: ConfigurationError.self) { try self.limits(repeats: value).validate() }
        #expect(throws: ConfigurationError.self) { try self.limits(depth: value).validate() }
    }
}
