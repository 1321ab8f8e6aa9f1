import EnokiBroker
import EnokiTestSupport
import Testing

/// Fails unless `body` throws a ``BrokerError`` of the given kind; returns it, so that its words can be looked at.
@discardableResult
func expectError(
    _ code: BrokerError.Code,
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () async throws -> Void
) async -> BrokerError? {
    do {
        try await body()
        Issue.record("expected the error \(code), and there was none", sourceLocation: sourceLocation)
        return nil
    } catch let error as BrokerError {
        #expect(error.code == code, "\(error)", sourceLocation: sourceLocation)
        return error
    } catch {
        Issue.record("expected the error \(code), found \(error)", sourceLocation: sourceLocation)
        return nil
    }
}

extension Broker {
    /// Publishes a text to a queue.
    func send(_ text: String, to queue: String, expiration: Duration? = nil) async throws {
        let options = PublishOptions(mandatory: true, expiration: expiration)
        try await self.publish(Message(text), to: "", routingKey: queue, options: options)
    }

    /// Waits until a queue has as many ready messages as there are `texts`, takes them, and compares.
    ///
    /// It waits because RabbitMQ gives back what a closed consumer had a moment after it has said that it is closed.
    func expectContents(
        _ texts: [String],
        of queue: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        try await self.expectReady(texts.count, in: queue)
        let deliveries = Collector<Delivery>()
        let consumer = try await self.consume(queue, options: ConsumerOptions(prefetch: 1000)) {
            deliveries.append($0)
            $0.token.settle(.ack)
        }
        #expect(try await deliveries.first(texts.count).map(\.text) == texts, sourceLocation: sourceLocation)
        await consumer.close()
    }

    /// Waits until a queue has so many ready messages.
    func expectReady(_ count: Int, in queue: String) async throws {
        try await eventually("\(count) messages are ready in '\(queue)'", equals: count) {
            try await self.inspect(queue: queue).messageCount
        }
    }

    /// Waits until a queue is gone.
    func expectNoQueue(_ queue: String) async throws {
        try await eventually("queue '\(queue)' is gone") {
            do {
                _ = try await self.inspect(queue: queue)
                return false
            } catch let error as BrokerError where error.code == .notFound {
                return true
            }
        }
    }
}
