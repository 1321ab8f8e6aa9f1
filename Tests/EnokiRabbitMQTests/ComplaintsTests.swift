import Testing

@testable import EnokiRabbitMQ

@Suite struct ComplaintsTests {
    private let start = ContinuousClock.now

    @Test func whatRepeatsIsCountedAndToldAtEachDoubling() {
        var complaints = Complaints()
        let counts = (0..<1000).map { complaints.note("refused", at: start + .milliseconds($0)) }
        #expect(counts.first == 1)
        #expect(counts.filter(Complaints.isDoubled) == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512])
    }

    @Test func anotherTextIsNewsOfItsOwn() {
        var complaints = Complaints()
        #expect(complaints.note("one", at: start) == 1)
        #expect(complaints.note("two", at: start) == 1)
        #expect(complaints.note("one", at: start) == 2)
    }

    @Test func whatWasNotHeardOfForAMinuteIsNewsAgain() {
        var complaints = Complaints()
        _ = complaints.note("refused", at: start)
        #expect(complaints.note("refused", at: start + .seconds(59)) == 2)
        #expect(complaints.note("refused", at: start + .seconds(59 + 60)) == 1)
    }

    @Test func textsWithoutEndTakeNoMemoryWithoutEnd() {
        var complaints = Complaints()
        for number in 0..<Complaints.capacity { _ = complaints.note("queue \(number)", at: start) }
        #expect(complaints.note("queue 0", at: start) == 2)
        #expect(complaints.note("one more", at: start) == 1)
        #expect(complaints.note("queue 0", at: start) == 1)
    }
}
