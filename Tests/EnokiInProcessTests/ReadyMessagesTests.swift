import EnokiBroker
import Testing

@testable import EnokiInProcess

@Suite(.serialized) struct ReadyMessagesTests {
    @Test(arguments: 0..<20 as Range<UInt64>)
    func givesTheHighestPriorityAndInItTheLowestPositionFirst(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var ready = ReadyMessages()
        var expected: [QueuedMessage] = []
        var taken: [QueuedMessage] = []
        for position in 0..<200 as Range<UInt64> {
            if Bool.random(using: &random) {
                let message = self.message(position, priority: UInt8.random(in: 0...seed.priorities, using: &random))
                ready.append(message)
                expected.append(message)
            } else if let message = ready.popFirst() {
                #expect(message.position == expected.removeFirst().position)
                taken.append(message)
            }
            if Int.random(in: 0..<3, using: &random) == 0, let index = taken.indices.randomElement(using: &random) {
                let message = taken.remove(at: index)
                ready.putBack(message)
                expected.append(message)
            }
            expected.sort { ($1.priority, $0.position) < ($0.priority, $1.position) }
            #expect(ready.count == expected.count)
            #expect(ready.byteCount == expected.map(\.bodySize).reduce(0, +))
            #expect(ready.first?.position == expected.first?.position)
        }
        #expect(ready.all.map(\.position) == expected.map(\.position))
    }

    @Test func keepsWhatIsPersistent() {
        var ready = ReadyMessages()
        for position in 0..<6 as Range<UInt64> {
            ready.append(self.message(position, priority: UInt8(position % 2), isPersistent: position % 3 == 0))
        }
        ready.keepPersistent()
        #expect(ready.all.map(\.position) == [3, 0])
        #expect(ready.count == 2)
        #expect(ready.byteCount == 3)
    }

    private func message(_ position: UInt64, priority: UInt8, isPersistent: Bool = false) -> QueuedMessage {
        var message = Message(body: Array(repeating: 0, count: Int(position % 7)))
        message.properties.deliveryMode = isPersistent ? .persistent : nil
        let published = PublishedMessage(message, exchange: "", routingKeys: [""])
        return QueuedMessage(published: published, position: position, priority: priority, expiry: nil)
    }
}

extension UInt64 {
    /// How many priorities beside 0 the queue of a seed has.
    fileprivate var priorities: UInt8 { UInt8(self % 4) }
}
