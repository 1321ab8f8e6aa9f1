import EnokiBroker
import NIOCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Whether so much waits to be sent on a wire that is slow or waits that no more should be written.
struct WireBacklog: Sendable, Equatable {
    let isFull: Bool
}

/// Does to the bytes of a connection what its ``FaultyWire`` says; next to the socket.
final class WireFaultHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum Direction { case toServer, toClient }

    /// How many bytes wait for the client at most; what a socket of NIO calls full, too.
    private static let backlogLimit = 65_536

    private let faults: WireFaults
    private var wire: FaultyWire
    private var toServer = WireQueue()
    private var toClient = WireQueue()
    private var lastWrite: EventLoopFuture<Void>?
    private var isReadHeld = false
    private var backlog = WireBacklog(isFull: false)
    private var unsent: [EventLoopPromise<Void>] = []
    private var tasks: [Scheduled<Void>] = []

    init(faults: WireFaults, number: Int = 1, frameMax: Int) {
        self.faults = faults
        self.wire = FaultyWire(faults: faults, number: number, frameMax: frameMax)
    }

    // MARK: - What the socket has

    func channelActive(context: ChannelHandlerContext) {
        context.fireChannelActive()
        self.toClient.append(self.wire.accept())
        self.pump(.toClient, context)
        context.flush()
    }

    func channelInactive(context: ChannelHandlerContext) {
        for task in self.tasks { task.cancel() }
        for promise in self.unsent { promise.fail(ChannelError.ioOnClosedChannel) }
        self.unsent = []
        (self.toServer, self.toClient, self.tasks) = (WireQueue(), WireQueue(), [])
        self.wire.lose()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.toServer.append(self.wire.receive(self.unwrapInboundIn(data)))
        self.pump(.toServer, context)
    }

    // MARK: - What the server wants

    func read(context: ChannelHandlerContext) {
        if self.wire.isBlackhole || !self.toServer.isEmpty { self.isReadHeld = true } else { context.read() }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        self.toClient.append(self.wire.send(self.unwrapOutboundIn(data)))
        if let promise { self.unsent.append(promise) }
        self.pump(.toClient, context)
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard !self.faults.isOver, self.wire.isMute || !self.toClient.isEmpty else {
            return context.close(mode: mode, promise: promise)
        }
        context.channel.closeFuture.cascade(to: promise)
        if !self.wire.isMute { self.toClient.append([.end(.close)]) }
    }

    // MARK: - What happens

    private func pump(_ direction: Direction, _ context: ChannelHandlerContext) {
        while let action = direction == .toServer ? self.toServer.next() : self.toClient.next() {
            self.perform(action, direction, context)
        }
        if direction == .toClient { self.noteBacklog(context) }
        guard direction == .toServer, self.isReadHeld, self.toServer.isEmpty, !self.wire.isBlackhole else { return }
        self.isReadHeld = false
        context.read()
    }

    /// As far as the server knows, what does not wait any more is sent, even where the client never hears of it.
    private func noteBacklog(_ context: ChannelHandlerContext) {
        if self.toClient.isEmpty {
            for promise in self.unsent { promise.succeed() }
            self.unsent = []
        }
        let backlog = WireBacklog(isFull: self.toClient.waitingBytes > Self.backlogLimit)
        guard backlog != self.backlog else { return }
        self.backlog = backlog
        context.fireUserInboundEventTriggered(backlog)
    }

    private func perform(_ action: FaultyWire.Action, _ direction: Direction, _ context: ChannelHandlerContext) {
        switch action {
        case .pass(let bytes):
            switch direction {
            case .toServer: context.fireChannelRead(self.wrapInboundOut(bytes))
            case .toClient:
                let promise = context.eventLoop.makePromise(of: Void.self)
                self.lastWrite = promise.futureResult
                context.write(self.wrapOutboundOut(bytes), promise: promise)
            }
        case .say(let bytes): self.say(bytes, context)
        case .sayLater(let bytes, let delay):
            self.schedule(after: delay, context) { handler, context in
                if handler.wire.canSend { handler.say(bytes, context) }
            }
        case .wait(let duration):
            self.schedule(after: duration, context) { handler, context in
                if direction == .toServer { handler.toServer.resume() } else { handler.toClient.resume() }
                handler.pump(direction, context)
                if direction == .toServer { context.fireChannelReadComplete() }
                context.flush()
            }
        case .throttle(let rate):
            self.toServer.limit(to: rate)
            self.toClient.limit(to: rate)
        case .end(let end): self.end(end, context)
        }
    }

    private func say(_ bytes: ByteBuffer, _ context: ChannelHandlerContext) {
        self.toClient.append([.pass(bytes)])
        self.pump(.toClient, context)
        context.flush()
    }

    /// Ends the connection when all that was to be sent before is.
    private func end(_ end: WireFault.End, _ context: ChannelHandlerContext) {
        context.flush()
        let lastWrite = self.lastWrite ?? context.eventLoop.makeSucceededVoidFuture()
        lastWrite.assumeIsolated().whenComplete { _ in
            switch end {
            case .close: context.close(promise: nil)
            case .halfClose: context.close(mode: .output, promise: nil)
            case .reset:
                let abortively = linger(l_onoff: 1, l_linger: 0)
                (context.channel as? any SocketOptionProvider)?.setSoLinger(abortively).whenComplete { _ in }
                context.close(promise: nil)
            }
        }
    }

    private func schedule(
        after delay: Duration,
        _ context: ChannelHandlerContext,
        _ body: @escaping @Sendable (WireFaultHandler, ChannelHandlerContext) -> Void
    ) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let task = context.eventLoop.scheduleTask(in: TimeAmount(delay)) {
            let (handler, context) = bound.value
            body(handler, context)
        }
        self.tasks.append(task)
    }
}
