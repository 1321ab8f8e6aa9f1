import EnokiBroker
import EnokiInProcess

import protocol NIOCore.EventLoop

/// Takes what the broker has for a connection, on whatever thread, to the connection's event loop; much at once.
final class Mailbox: Sendable {
    /// What the broker has for a connection.
    enum Item: Sendable {
        case event(ChannelEvent, of: ChannelID)
        /// The broker is closed, and the connection with it.
        case brokerClosed
        /// The broker takes no messages, or takes them again.
        case blockChanged
    }

    private let eventLoop: any EventLoop
    private let items = Locked([Item]())
    private let deliver: @Sendable () -> Void

    /// - Parameter deliver: Called on `eventLoop` when there is something to be taken.
    init(on eventLoop: any EventLoop, deliver: @escaping @Sendable () -> Void) {
        self.eventLoop = eventLoop
        self.deliver = deliver
    }

    /// Adds something that is not of a channel.
    func post(_ item: Item) {
        if self.append(item) { self.wake() }
    }

    private func append(_ item: Item) -> Bool {
        self.items.withLock { items in
            items.append(item)
            return items.count == 1
        }
    }

    /// Takes all that there is, in its order.
    func takeAll() -> [Item] {
        self.items.withLock { items in
            defer { items = [] }
            return items
        }
    }
}

extension Mailbox.Item {
    /// What it takes of the room that a client has for what it causes and does not read, in bytes or so. Deliveries take
    /// none: the broker paces them, and a client must be able to send while they wait.
    var weight: Int {
        switch self {
        case .event(.deliver, _): 0
        case .event(.returned(let returned), _): 256 + returned.message.body.count
        case .event, .brokerClosed, .blockChanged: 256
        }
    }
}

extension Mailbox: EventSink {
    func append(_ event: ChannelEvent, of channel: ChannelID) -> Bool { self.append(.event(event, of: channel)) }

    func wake() { self.eventLoop.execute(self.deliver) }
}
