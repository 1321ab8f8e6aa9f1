import Testing

@testable import EnokiInProcess

@Suite struct ConsumerRingTests {
    @Test func consumersOfOnePriorityTakeTurns() {
        var ring = ConsumerRing()
        for number in 1...3 { ring.append(self.consumer(number), priority: 0) }
        var turns: [UInt64] = []
        for _ in 0..<6 {
            guard let consumer = ring.popFirst() else { break }
            turns.append(consumer.number)
            ring.append(consumer, priority: 0)
        }
        #expect(turns == [1, 2, 3, 1, 2, 3])
    }

    @Test func higherPrioritiesComeFirst() {
        var ring = ConsumerRing()
        for (number, priority) in [(1, 0), (2, 5), (3, -1), (4, 5), (5, 0)] as [(Int, Int32)] {
            ring.append(self.consumer(number), priority: priority)
        }
        ring.remove(self.consumer(2))
        ring.remove(self.consumer(99))
        var order: [UInt64] = []
        while let consumer = ring.popFirst() { order.append(consumer.number) }
        #expect(order == [4, 1, 5, 3])
        #expect(ring.first == nil)
    }

    private func consumer(_ number: Int) -> ConsumerID { ConsumerID(number: UInt64(number)) }
}
