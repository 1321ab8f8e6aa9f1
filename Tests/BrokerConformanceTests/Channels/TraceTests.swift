import EnokiTestSupport
import Testing

@Suite struct TraceTests {
    @Test func namesThatABrokerMakesUpAreNumberedInTheOrderOfTheirAppearance() {
        let trace = Trace(virtualHost: "test-1")
        trace.add("queue.declare '' -> amq.gen-AbC_1-2, 0 ready")
        trace.add("queue.declare '' -> amq.gen-xyz, 0 ready")
        trace.add("basic.consume amq.gen-AbC_1-2 as '' -> amq.ctag-q")
        trace.add("closed: no queue 'amq.gen-xyz' in vhost 'test-1'")
        #expect(
            trace.lines == [
                "queue.declare '' -> amq.gen-#1, 0 ready", "queue.declare '' -> amq.gen-#2, 0 ready",
                "basic.consume amq.gen-#1 as '' -> amq.ctag-#1", "closed: no queue 'amq.gen-#2' in vhost '/'",
            ]
        )
    }

    @Test func aDifferenceShowsWhatIsEqualWhatIsMissingAndWhatIsNew() {
        let difference = TraceDifference(from: ["a", "b", "c"], to: ["a", "x", "c", "d"])
        #expect(difference.description == "  a\n- b\n+ x\n  c\n+ d")
    }
}
