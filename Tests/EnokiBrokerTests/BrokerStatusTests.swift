import EnokiBroker
import Testing

@Suite struct BrokerStatusTests {
    @Test func aReaderGetsThePresentStatusAndThenTheChanges() async {
        let board = BrokerStatusBoard(.connecting(attempt: 1, reason: nil))
        var updates = board.updates().makeAsyncIterator()
        #expect(await updates.next() == .connecting(attempt: 1, reason: nil))
        board.update(.connected)
        #expect(await updates.next() == .connected)
        board.update(.closed)
        #expect(await updates.next() == .closed)
        #expect(await updates.next() == nil)
    }

    @Test func aSlowReaderGetsTheNewestStatus() async {
        let board = BrokerStatusBoard(.connecting(attempt: 1, reason: nil))
        var updates = board.updates().makeAsyncIterator()
        for attempt in 2...50 { board.update(.connecting(attempt: attempt, reason: "refused")) }
        #expect(await updates.next() == .connecting(attempt: 50, reason: "refused"))
    }

    @Test func nothingComesAfterTheEnd() async {
        let board = BrokerStatusBoard(.connected)
        board.update(.closed)
        board.update(.connected)
        #expect(board.status == .closed)
        var seen: [BrokerStatus] = []
        for await status in board.updates() { seen.append(status) }
        #expect(seen == [.closed])
    }
}
