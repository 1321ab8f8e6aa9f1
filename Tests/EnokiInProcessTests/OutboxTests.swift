import EnokiBroker
import Testing

@testable import EnokiInProcess

@Suite struct OutboxTests {
    @Test func consumersTakeTurnsAndKeepTheirOrder() {
        var outbox = Outbox()
        for (consumer, tag) in [(1, 1), (1, 2), (1, 3), (2, 4), (2, 5)] as [(UInt64, UInt64)] {
            outbox.append(self.handover(tag, to: consumer))
        }
        var tags: [DeliveryTag] = []
        while let next = outbox.next() { tags.append(next.tag) }
        #expect(tags == [1, 4, 2, 5, 3])
        #expect(outbox.isEmpty)
    }

    @Test func whatIsWithdrawnIsNotDelivered() {
        var outbox = Outbox()
        outbox.append(self.handover(1, to: 1))
        outbox.append(self.handover(2, to: 2))
        outbox.append(self.handover(3, to: 1))
        #expect(outbox.withdraw(from: ConsumerID(number: 1)).map(\.tag) == [1, 3])
        outbox.append(self.handover(4, to: 1))
        var tags: [DeliveryTag] = []
        while let next = outbox.next() { tags.append(next.tag) }
        #expect(tags == [2, 4])
    }

    @Test func aConsumerRunsFromItsDeliveryToItsEnd() {
        var outbox = Outbox()
        outbox.append(self.handover(1, to: 7))
        #expect(outbox.running == nil)
        _ = outbox.next()
        #expect(outbox.running == ConsumerID(number: 7))
        outbox.finish()
        #expect(outbox.running == nil)
    }

    private func handover(_ tag: DeliveryTag, to consumer: UInt64) -> Effects.Handover {
        let published = PublishedMessage(Message(""), exchange: "", routingKey: "")
        let message = QueuedMessage(published: published, position: tag, expiry: nil)
        return Effects.Handover(consumer: ConsumerID(number: consumer), tag: tag, message: message)
    }
}
