import NIOCore
import NIOEmbedded
import Testing

@testable import EnokiAMQP

/// What the handler does with sockets and time, without either.
@Suite struct WireFaultHandlerTests {
    private static let ack = ByteBuffer(hex: "0100010000000d003c0050000000000000000100ce")
    private static let heartbeat = ByteBuffer(hex: "08000000000000ce")

    /// A channel whose server does nothing; what arrives there can be read from it.
    private func channel(_ faults: WireFaults, _ reads: Reads = Reads()) throws -> EmbeddedChannel {
        let channel = EmbeddedChannel(handlers: [reads, WireFaultHandler(faults: faults, frameMax: 131_072)])
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        return channel
    }

    /// Counts how often the socket is to be read.
    private final class Reads: ChannelOutboundHandler {
        typealias OutboundIn = ByteBuffer
        var count = 0

        func read(context: ChannelHandlerContext) { self.count += 1 }
    }

    private func sent(_ channel: EmbeddedChannel) throws -> [String] {
        var all: [String] = []
        while let bytes = try channel.readOutbound(as: ByteBuffer.self) { all.append(bytes.hex) }
        return all
    }

    @Test func whatIsDelayedComesInItsOrderWhenItsTimeHasCome() throws {
        let channel = try self.channel(WireFaults([.delay(.sends(.basicAck), by: .milliseconds(500))]))
        channel.write(Self.heartbeat, promise: nil)
        channel.write(Self.ack, promise: nil)
        channel.write(Self.heartbeat, promise: nil)
        channel.flush()
        #expect(try self.sent(channel) == [Self.heartbeat.hex])
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(499))
        #expect(try self.sent(channel) == [])
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(1))
        #expect(try self.sent(channel) == [Self.ack.hex, Self.heartbeat.hex])
    }

    @Test func whatTheServerGetsLateHoldsUpWhatFollows() throws {
        let reads = Reads()
        let channel = try self.channel(WireFaults([.delay(.receives(.basicAck), by: .seconds(1))]), reads)
        let before = reads.count
        try channel.writeInbound(Self.ack)
        try channel.writeInbound(Self.heartbeat)
        channel.read()
        #expect(reads.count == before)
        #expect(try channel.readInbound(as: ByteBuffer.self) == nil)
        channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(reads.count > before)
        #expect(try channel.readInbound(as: ByteBuffer.self) == Self.ack)
        #expect(try channel.readInbound(as: ByteBuffer.self) == Self.heartbeat)
    }

    @Test func whatIsSentBeforeTheEndIsSentWhenItIsLate() throws {
        let channel = try self.channel(WireFaults([.delay(.sends(.basicAck), by: .seconds(1))]))
        channel.writeAndFlush(Self.ack, promise: nil)
        channel.close(promise: nil)
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(try self.sent(channel) == [Self.ack.hex])
        #expect(!channel.isActive)
    }

    @Test func aLimitHoldsInEachDirection() throws {
        let channel = try self.channel(WireFaults([.throttle(after: .accepts(), bytesPerSecond: 20)]))
        let bytes = ByteBuffer(repeating: 7, count: 40)
        channel.writeAndFlush(bytes, promise: nil)
        try channel.writeInbound(bytes)
        func passed() throws -> (sent: Int, received: Int) {
            var received = 0
            while let bytes = try channel.readInbound(as: ByteBuffer.self) { received += bytes.readableBytes }
            return (try self.sent(channel).count, received)
        }
        #expect(try passed() == (1, 1))
        channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(try passed() == (20, 20))
        channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(try passed() == (19, 19))
    }

    @Test func aLimitHoldsUpWhatTheServerWrites() throws {
        let channel = try self.channel(WireFaults([.throttle(after: .accepts(), bytesPerSecond: 100_000)]))
        let backlogs = Backlogs()
        try channel.pipeline.syncOperations.addHandler(backlogs)
        let sent = channel.writeAndFlush(ByteBuffer(repeating: 7, count: 100_000))
        sent.assumeIsolated().whenSuccess { backlogs.isSent = true }
        #expect(backlogs.seen == [true])
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(950))
        #expect(backlogs.seen == [true, false])
        #expect(!backlogs.isSent)
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(100))
        #expect(backlogs.isSent)
    }

    /// Keeps what the server is told of how much waits.
    private final class Backlogs: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        var seen: [Bool] = []
        var isSent = false

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if let backlog = event as? WireBacklog { self.seen.append(backlog.isFull) }
        }
    }

    @Test func whoIsBlockedIsUnblockedLater() throws {
        let channel = try self.channel(WireFaults([.blockPublishers(after: .sends(.basicAck), for: .seconds(3))]))
        channel.writeAndFlush(Self.ack, promise: nil)
        let sent = try self.sent(channel)
        #expect(sent.count == 2)
        #expect(sent.last?.contains("000a003c") == true)
        channel.embeddedEventLoop.advanceTime(by: .seconds(2))
        #expect(try self.sent(channel) == [])
        channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(try self.sent(channel) == ["01000000000004000a003dce"])
    }

    @Test(arguments: [WireFault.silence(after: .accepts()), .blackhole(after: .accepts())])
    func whoIsSilentDoesNotEnd(fault: WireFault) throws {
        let faults = WireFaults([fault])
        let channel = try self.channel(faults)
        channel.writeAndFlush(Self.ack, promise: nil)
        channel.close(promise: nil)
        channel.embeddedEventLoop.run()
        #expect(channel.isActive)
        #expect(try self.sent(channel) == [])
        // But the port does.
        faults.end()
        channel.close(promise: nil)
        #expect(!channel.isActive)
    }

    @Test func aBlackholeDoesNotRead() throws {
        let reads = Reads()
        let channel = try self.channel(WireFaults([.blackhole(after: .receives(.basicAck))]), reads)
        let before = reads.count
        channel.read()
        #expect(reads.count == before + 1)
        try channel.writeInbound(Self.ack)
        let after = reads.count
        channel.read()
        #expect(reads.count == after)
    }

    @Test func whenTheClientIsGoneNothingComesAnyMore() throws {
        let faults = WireFaults([.blockPublishers(after: .accepts(), for: .seconds(3))])
        let channel = try self.channel(faults)
        _ = try self.sent(channel)
        channel.close(promise: nil)
        channel.embeddedEventLoop.advanceTime(by: .seconds(9))
        #expect(try self.sent(channel) == [])
        _ = try channel.finish(acceptAlreadyClosed: true)
    }
}
