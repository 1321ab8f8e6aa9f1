/// Names a part of a virtual host for as long as it lives, so that a new queue of an old name is another queue.
package struct Identifier<Part>: Hashable, Comparable, Sendable {
    let number: UInt64

    package static func < (left: Self, right: Self) -> Bool { left.number < right.number }
}

enum QueuePart {}
enum ExchangePart {}
enum ConsumerPart {}
package enum ChannelPart {}
package enum ConnectionPart {}

typealias QueueID = Identifier<QueuePart>
typealias ExchangeID = Identifier<ExchangePart>
typealias ConsumerID = Identifier<ConsumerPart>
package typealias ChannelID = Identifier<ChannelPart>
package typealias ConnectionID = Identifier<ConnectionPart>
