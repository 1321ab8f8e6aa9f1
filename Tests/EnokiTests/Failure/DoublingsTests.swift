import Testing

@testable import Enoki

@Suite struct DoublingsTests {
    @Test func theFirstAndEachDoublingIsWorthALine() {
        var doublings = Doublings(within: .seconds(60))
        let told = (1...100).map { _ in doublings.note(at: .seconds(1)) }
        #expect(told.compactMap { $0 } == [1, 2, 4, 8, 16, 32, 64])
        #expect(told[3] == 4 && told[4] == nil)
    }

    @Test func aWindowLaterItIsNewsAgain() {
        var doublings = Doublings(within: .seconds(60))
        let told = [10_000, 69_000, 69_999, 70_000, 129_000].map { doublings.note(at: .milliseconds($0)) }
        #expect(told == [1, 2, nil, 1, 2])
    }
}
