import EnokiBroker
import Testing

@testable import EnokiInProcess

@Suite(.serialized) struct ReadyMessagesTests {
    @Test(arguments: 0..<20 as Range<UInt64>) func givesTheLowestPositionFirst(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var ready = ReadyMessages()
        var expected: [UInt64] = []
        var taken: [QueuedMessage] = []
        for position in 0..<200 as Range<UInt64> {
            if Bool.random(using: &random) {
                ready.append(self.message(position))
                expected.append(position)
            } else if let message = ready.popFirst() {
                #expect(message.position == expected.removeFirst())
                taken.append(message)
            }
            if Int.random(in: 0..<3, using: &random) == 0, let index = taken.indices.randomElement(using: &random) {
                let message = taken.remove(at: index)
                ready.putBack(message)
                expected.append(message.position)
                expected.sort()
            }
            #expect(ready.count == expected.count)
            #expect(ready.first?.position == expected.first)
        }
        #expect(ready.all.map(\.position) == expected)
    }

    private func message(_ position: UInt64) -> QueuedMessage {
        let published = PublishedMessage(Message(""), exchange: "", routingKey: "")
        return QueuedMessage(published: published, position: position, expiry: nil)
    }
}
