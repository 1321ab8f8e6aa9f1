import Enoki
import EnokiBroker
import Foundation

@testable import EnokiRunner

/// Dead letters as Enoki writes them, and as strangers do.
enum Letters {
    /// The time of the tests, in seconds since 1970.
    static let now: UInt64 = 1_800_000_000

    static func letter(
        _ body: String,
        id: String? = nil,
        reason: DeadLetterReason = .error,
        error: String = "no teapots",
        entrypoint: String = "notify",
        age: UInt64 = 60,
        queue: String = "work"
    ) -> Message {
        let letter = DeadLetter(
            reason: reason,
            errorType: "OutOfStock",
            error: error,
            attempts: 5,
            firstFailure: self.now - age - 15,
            lastFailure: self.now - age,
            callID: "shipping.notify.1",
            service: "shipping",
            entrypoint: entrypoint,
            host: "host-1",
            queue: queue,
            exchange: "orders.events",
            routingKey: "order.placed"
        )
        var headers = letter.headers
        headers["nameko.call_id_stack"] = .array([.string("a.b.1")])
        let properties = BasicProperties(
            contentType: "application/json",
            contentEncoding: "utf-8",
            headers: headers,
            deliveryMode: .persistent,
            correlationID: "correlation",
            messageID: id
        )
        return Message(body, properties: properties)
    }

    /// A message without the headers of a dead letter.
    static func stranger(_ body: String) -> Message {
        Message(
            body,
            properties: BasicProperties(headers: ["x-death": .array([]), "CC": .array([.string("elsewhere")])])
        )
    }

    static func listed(_ message: Message, number: Int = 1, redelivered: Bool = false) -> ListedLetter {
        let token = DeliveryToken { _ in }
        return ListedLetter(
            Delivery(message: message, exchange: "", routingKey: "work.dead", redelivered: redelivered, token: token),
            number: number
        )
    }

    /// The queue `work` with its dead letters.
    static func declare(_ messages: [Message], on broker: any Broker) async throws {
        try await broker.declare(Topology(queues: [Queue("work"), Queue("work.dead")]))
        for message in messages { try await broker.publish(message, to: "", routingKey: "work.dead") }
    }

    static func queue(_ broker: any Broker, clock: any Clock<Duration> = ContinuousClock()) -> DeadLetterQueue {
        DeadLetterQueue(DeadLetterQueueName("work"), on: broker, clock: clock, now: { Self.now })
    }
}
