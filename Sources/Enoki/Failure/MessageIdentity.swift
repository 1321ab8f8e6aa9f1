/// What a message that is delivered again is recognised by: its id and what it says, of a long body the beginning and the end.
///
/// The id alone would not do: some publishers give several messages one id.
struct MessageIdentity: Hashable, Sendable {
    private let messageID: ByteName?
    /// Seeded anew in each process, so that nobody can make two messages alike.
    private let content: Int

    /// Whether it has an id, so that what looks the same is the same message. Without one it may also be another that says
    /// the same.
    var isUnique: Bool { self.messageID != nil }

    /// The identity of a delivered message; `nil` for one whose content the transport did not take.
    init?(_ delivery: Delivery) {
        guard delivery.message.defect == nil else { return nil }
        var properties = delivery.message.properties
        // What the broker itself counts on the way.
        if properties.headers[Self.deliveryCount] != nil { properties.headers[Self.deliveryCount] = nil }
        var hasher = Hasher()
        hasher.combine(delivery.exchange)
        hasher.combine(delivery.routingKey)
        hasher.combine(properties)
        delivery.message.body.withUnsafeBytes { body in
            hasher.combine(body.count)
            hasher.combine(bytes: UnsafeRawBufferPointer(rebasing: body.prefix(Self.mostCompared)))
            hasher.combine(bytes: UnsafeRawBufferPointer(rebasing: body.suffix(Self.mostCompared)))
        }
        self.messageID = properties.messageID.flatMap { $0.isEmpty ? nil : ByteName($0) }
        self.content = hasher.finalize()
    }

    /// How much of the beginning and of the end of a body is compared, in bytes: all messages pay for it.
    private static let mostCompared = 4096

    /// Of RabbitMQ's quorum queues.
    private static let deliveryCount = "x-delivery-count"
}
