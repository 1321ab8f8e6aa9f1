import EnokiBroker
import Testing

@testable import EnokiInProcess

@Suite struct ConsumerRingTests {
    @Test func consumersOfOnePriorityTakeTurns() {
        var ring = ConsumerRing()
        for number in 1...3 { ring.append(ConsumerRecord.example(number)) }
        var turns: [UInt64] = []
        for _ in 0..<6 {
            guard let consumer = ring.popFirst() else { break }
            turns.append(consumer.id.number)
            ring.append(consumer)
        }
        #expect(turns == [1, 2, 3, 1, 2, 3])
    }

    @Test func higherPrioritiesComeFirst() {
        var ring = ConsumerRing()
        let consumers = [(1, 0), (2, 5), (3, -1), (4, 5), (5, 0)].map { ConsumerRecord.example($0, priority: $1) }
        for consumer in consumers { ring.append(consumer) }
        ring.remove(consumers[1])
        ring.remove(ConsumerRecord.example(99))
        var order: [UInt64] = []
        while let consumer = ring.popFirst() { order.append(consumer.id.number) }
        #expect(order == [4, 1, 5, 3])
        #expect(ring.first == nil)
    }

    @Test func rotatingIsTakingOutAndAddingAgain() {
        for count in 1...4 {
            var (rotated, rebuilt) = (ConsumerRing(), ConsumerRing())
            for number in 1...count {
                let consumer = ConsumerRecord.example(number, priority: Int64(number % 2))
                rotated.append(consumer)
                rebuilt.append(consumer)
            }
            for _ in 0..<5 {
                rotated.rotate()
                if let consumer = rebuilt.popFirst() { rebuilt.append(consumer) }
                #expect(rotated.first?.id == rebuilt.first?.id)
            }
        }
        var empty = ConsumerRing()
        empty.rotate()
        #expect(empty.first == nil)
    }
}
