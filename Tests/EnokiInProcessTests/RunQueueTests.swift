import Testing

@testable import EnokiInProcess

@Suite struct RunQueueTests {
    /// The order in which a queue gives out what it holds.
    private func order(of count: Int, seed: UInt64?) -> [Int] {
        var queue = RunQueue<Int>(seed: seed)
        for number in 0..<count { queue.append(number) }
        return Array(sequence(state: ()) { _ in queue.next() })
    }

    @Test func withoutASeedTheFirstInIsTheFirstOut() {
        #expect(self.order(of: 100, seed: nil) == Array(0..<100))
    }

    /// What a seed means must not change: it is in reports of failed tests.
    @Test func aSeedMeansTheSameOrderInEveryProcess() {
        #expect(self.order(of: 8, seed: 42) == [5, 2, 3, 4, 1, 7, 6, 0])
        #expect(self.order(of: 8, seed: 43) == [5, 0, 4, 7, 2, 1, 6, 3])
    }

    @Test func aSeedLosesNothingAndPicksEachPlaceAboutAsOften() {
        var firsts: [Int: Int] = [:]
        for seed in 0..<1000 {
            let order = self.order(of: 5, seed: UInt64(seed))
            #expect(order.sorted() == Array(0..<5))
            firsts[order.first ?? -1, default: 0] += 1
        }
        for place in 0..<5 { #expect((150..<250).contains(firsts[place] ?? 0)) }
    }

    @Test func theGeneratorIsSplitMix64() {
        // The first numbers of the reference implementation for the seed 1234567.
        var generator = SeededGenerator(seed: 1_234_567)
        let expected: [UInt64] = [
            6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
            4_593_380_528_125_082_431, 16_408_922_859_458_223_821,
        ]
        #expect((0..<5).map { _ in generator.next() } == expected)
    }
}
