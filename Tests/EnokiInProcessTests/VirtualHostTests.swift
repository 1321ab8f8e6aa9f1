import EnokiBroker
import Testing

@testable import EnokiInProcess

@Suite(.serialized) struct VirtualHostTests {
    @Test(arguments: 0..<100 as Range<UInt64>) func randomOperationsDoWhatAPlainModelDoes(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var host = VirtualHost()
        var model = QueueModel()
        let connection = host.openConnection()
        try host.declare(Queue("q"), by: connection)
        var ids: [Int: ConsumerID] = [:]
        var tags: [Int: DeliveryTag] = [:]
        var deliveries: [String] = []

        for step in 0..<150 {
            let consumer = model.consumers.randomElement(using: &random)
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<3:
                try host.publish(self.message(step), mandatory: true)
                model.publish(step)
            case 3:
                let options = ConsumerOptions(prefetch: Int.random(in: 1...4, using: &random))
                ids[step] = try host.consume("q", options: options, by: connection)
                model.consume(step, prefetch: options.prefetch)
            case 4:
                guard let consumer, let id = ids[consumer.name] else { continue }
                host.cancel(id, undelivered: [])
                model.cancel(consumer.name)
            case 5:
                guard let consumer, let id = ids[consumer.name] else { continue }
                host.cancel(id, undelivered: [])
                host.close([id])
                model.close(consumer.name)
            default:
                guard
                    let consumer, let id = ids[consumer.name],
                    let entry = consumer.unsettled.randomElement(using: &random),
                    let tag = tags[entry.number],
                    let answer = [Acknowledgement.ack, .requeue, .reject].randomElement(using: &random)
                else { continue }
                host.settle(tag, of: id, with: answer)
                model.settle(consumer.name, entry.number, answer)
            }
            for handover in host.takeEffects().handovers {
                let name = try #require(ids.first { $0.value == handover.consumer }).key
                let number = try #require(Int(handover.message.text))
                tags[number] = handover.tag
                deliveries.append("\(name) gets \(number)\(handover.message.redelivered ? " again" : "")")
            }
            #expect(deliveries == model.deliveries, "after step \(step)")
            let status = try host.inspect(queue: "q", by: connection)
            #expect(status.messageCount == model.ready.count)
            #expect(status.consumerCount == model.consumers.count { !$0.isCancelled })
            guard deliveries == model.deliveries else { return }
        }
    }

    @Test func whatNeverReachedACancelledConsumerGoesBackUnmarked() throws {
        var host = VirtualHost()
        for automatic in [false, true] {
            let connection = host.openConnection()
            try host.declare(Queue("q"), by: connection)
            let options = ConsumerOptions(prefetch: 5, automaticAcknowledgement: automatic)
            let consumer = try host.consume("q", options: options, by: connection)
            for number in 0..<3 { try host.publish(self.message(number), mandatory: true) }
            let undelivered = host.takeEffects().handovers
            #expect(undelivered.count == 3)
            host.cancel(consumer, undelivered: undelivered)
            _ = try host.consume("q", options: ConsumerOptions(automaticAcknowledgement: true), by: connection)
            let again = host.takeEffects().handovers
            #expect(again.map(\.message.text) == ["0", "1", "2"])
            #expect(again.allSatisfy { !$0.message.redelivered })
            host.close(connection)
            #expect(host.consumers.isEmpty)
        }
    }

    @Test func anUnusedQueueAsksForOneWakeUpHoweverOftenItIsUsed() throws {
        var host = VirtualHost()
        let connection = host.openConnection()
        try host.declare(Queue("q", arguments: ["x-expires": 1000]), by: connection)
        for second in 1...100 {
            host.advance(to: .milliseconds(second))
            _ = try host.inspect(queue: "q", by: connection)
        }
        #expect(host.takeEffects().wakes.map(\.instant) == [.seconds(1)])
        let id = try host.requireQueue("q", for: connection)
        host.advance(to: .seconds(1))
        host.wake(id)
        #expect(host.takeEffects().wakes.map(\.instant) == [.milliseconds(1100)])
        host.advance(to: .milliseconds(1100))
        host.wake(id)
        #expect(host.queues.isEmpty)
    }

    @Test func nothingIsLeftOfWhatIsDeleted() throws {
        var host = VirtualHost()
        let connection = host.openConnection()
        let exchanges = host.exchanges.count
        for kind in [Exchange.Kind.direct, .topic, .fanout, .headers] {
            try host.declare(Exchange("a", kind))
            try host.declare(Exchange("b", .fanout))
            try host.declare(Queue("q"), by: connection)
            try host.bind(Binding(from: "a", toQueue: "q", routingKey: "k"), by: connection)
            try host.bind(Binding(from: "a", to: .exchange("b"), routingKey: "k"), by: connection)
            try host.bind(Binding(from: "b", to: .exchange("a")), by: connection)
            try host.delete(exchange: "a")
            #expect(host.exchanges.values.allSatisfy { $0.bindings.isEmpty })
            try host.delete(exchange: "b")
            #expect(host.queues.values.allSatisfy { $0.bindings.isEmpty })
            try host.delete(queue: "q", by: connection)
        }
        #expect(host.exchanges.count == exchanges)
        #expect(host.bindingsToExchange.isEmpty)
        #expect(host.queueIDs.isEmpty)
    }

    private func message(_ number: Int) -> PublishedMessage {
        PublishedMessage(Message("\(number)"), exchange: "", routingKey: "q")
    }
}

extension QueuedMessage {
    var text: String { String(decoding: self.published.message.body, as: UTF8.self) }
}
