import EnokiBroker
import Testing

@testable import EnokiInProcess

@Suite struct OutboxTests {
    @Test func channelsTakeTurnsAndKeepTheirOrder() {
        var outbox = Outbox()
        for (channel, tag) in [(1, 1), (1, 2), (1, 3), (2, 4), (2, 5)] as [(UInt64, UInt64)] {
            self.append(tag, to: "c", on: channel, in: &outbox)
        }
        #expect(self.drain(&outbox) == [1, 4, 2, 5, 3])
        #expect(outbox.isEmpty)
    }

    @Test func whatIsWithdrawnFromAConsumerIsNotSent() {
        var outbox = Outbox()
        self.append(1, to: "a", on: 1, in: &outbox)
        self.append(2, to: "b", on: 1, in: &outbox)
        self.append(3, to: "a", on: 2, in: &outbox)
        self.append(4, to: "a", on: 1, in: &outbox)
        #expect(outbox.withdrawDeliveries(to: "a", on: ChannelID(number: 1)) { _ in true } == [1, 4])
        self.append(5, to: "a", on: 1, in: &outbox)
        #expect(self.drain(&outbox) == [2, 3, 5])
    }

    @Test func whatIsTakenOutOfAChannelIsNotSent() {
        var outbox = Outbox()
        self.append(1, to: "a", on: 1, in: &outbox)
        self.append(2, to: "a", on: 2, in: &outbox)
        #expect(outbox.removeAll(for: ChannelID(number: 1)).count == 1)
        #expect(outbox.withdrawDeliveries(to: "a", on: ChannelID(number: 2)) { _ in true } == [2])
        #expect(outbox.isEmpty)
        #expect(outbox.next() == nil)
    }

    @Test func aChannelRunsFromItsEventToItsEnd() {
        var outbox = Outbox()
        self.append(1, to: "a", on: 7, in: &outbox)
        #expect(outbox.running == nil)
        _ = outbox.next()
        #expect(outbox.running == ChannelID(number: 7))
        outbox.finish()
        #expect(outbox.running == nil)
    }

    private func append(_ tag: DeliveryTag, to consumer: String, on channel: UInt64, in outbox: inout Outbox) {
        let delivery = BasicDeliver(
            consumerTag: consumer,
            deliveryTag: tag,
            redelivered: false,
            exchange: "",
            routingKey: "",
            message: Message("")
        )
        outbox.append(.event(.deliver(delivery)), for: ChannelID(number: channel))
    }

    private func drain(_ outbox: inout Outbox) -> [DeliveryTag] {
        var tags: [DeliveryTag] = []
        while let next = outbox.next() {
            if case .event(.deliver(let delivery)) = next.item { tags.append(delivery.deliveryTag) }
        }
        return tags
    }
}
