import EnokiBroker
import EnokiInProcess
import NIOEmbedded
import Testing

@testable import EnokiAMQP

struct MailboxTests {
    private static func channel() throws -> ChannelID {
        let ids = Locked<[ChannelID]>([])
        final class Sink: EventSink {
            let ids: Locked<[ChannelID]>
            init(_ ids: Locked<[ChannelID]>) { self.ids = ids }
            func append(_ event: ChannelEvent, of channel: ChannelID) -> Bool {
                self.ids.withLock { $0.append(channel) }
                return false
            }
            func wake() {}
        }
        let broker = InProcessBroker()
        let channel = try broker.open(name: "test").openChannel(to: Sink(ids))
        try channel.requestAccess()
        return try #require(ids.withLock { $0.first })
    }

    @Test func muchIsTakenAtOnceAndInItsOrder() throws {
        let loop = EmbeddedEventLoop()
        let wakes = Locked(0)
        let mailbox = Mailbox(on: loop) { wakes.withLock { $0 += 1 } }
        let id = try Self.channel()
        #expect(mailbox.append(.acked(1, multiple: false), of: id))
        #expect(!mailbox.append(.acked(2, multiple: false), of: id))
        mailbox.wake()
        mailbox.post(.blockChanged)
        loop.run()
        #expect(wakes.withLock { $0 } == 1)
        let items = mailbox.takeAll()
        #expect(items.count == 3)
        guard case .event(.acked(1, multiple: false), id) = items[0] else { return #expect(Bool(false)) }
        guard case .blockChanged = items[2] else { return #expect(Bool(false)) }
        #expect(mailbox.takeAll().isEmpty)
        mailbox.post(.brokerClosed)
        loop.run()
        #expect(wakes.withLock { $0 } == 2)
    }

    @Test func deliveriesTakeNoRoomFromWhatAClientCauses() throws {
        let id = try Self.channel()
        #expect(Mailbox.Item.event(.answer, of: id).weight > 0)
        #expect(Mailbox.Item.event(.acked(1, multiple: false), of: id).weight > 0)
        #expect(Mailbox.Item.blockChanged.weight > 0)
    }
}
