/// Names a part of a virtual host for as long as it lives, so that a new queue of an old name is another queue.
struct Identifier<Part>: Hashable, Comparable, Sendable {
    let number: UInt64

    static func < (left: Self, right: Self) -> Bool { left.number < right.number }
}

typealias ExchangeID = Identifier<ExchangeRecord>
typealias QueueID = Identifier<QueueRecord>
typealias ConsumerID = Identifier<ConsumerRecord>
typealias ConnectionID = Identifier<ConnectionRecord>

/// Numbers a delivery, in the order in which the virtual host made them.
typealias DeliveryTag = UInt64
