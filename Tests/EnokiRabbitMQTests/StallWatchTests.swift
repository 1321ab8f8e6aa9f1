import Testing

@testable import EnokiRabbitMQ

@Suite struct StallWatchTests {
    /// What a watch says after some intervals, each with whether frames came in it.
    private func looks(_ watch: inout StallWatch, isIncomplete: Bool = true, _ othersCame: Bool...) -> [Bool] {
        othersCame.map { watch.isStalled(isIncomplete: isIncomplete, othersCame: $0) }
    }

    @Test func aMessageOfWhichTheRestDoesNotComeIsGivenUpAfterTwoWholeIntervals() {
        var watch = StallWatch()
        let looks = self.looks(&watch, true, true, true)
        #expect(looks == [false, false, true])
    }

    @Test func aMessageThatComesSlowlyIsWaitedFor() {
        var watch = StallWatch()
        for _ in 0..<10 {
            let looks = self.looks(&watch, true, true)
            #expect(looks == [false, false])
            watch.noteProgress()
        }
    }

    @Test func whereNothingElseComesTheLineIsSlow() {
        var watch = StallWatch()
        let looks = self.looks(&watch, false, true, false, false, true, false)
        #expect(!looks.contains(true))
    }

    @Test func aWholeMessageIsNotWaitedFor() {
        var watch = StallWatch()
        let looks = self.looks(&watch, isIncomplete: false, true, true, true, true)
        #expect(!looks.contains(true))
        let next = self.looks(&watch, true, true)
        #expect(next == [false, false])
    }
}
