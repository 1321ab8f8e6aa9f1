import EnokiBroker
import EnokiInProcess
import Logging
import NIOCore

/// The port closes, and with it all connections.
struct PortClosing: Sendable {}

/// Moves the bytes and keeps the time for a ``ClientConnection``.
final class ConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let context: ConnectionContext
    private var connection: ClientConnection?
    private var mailbox: Mailbox?
    private var loginTimeout: Scheduled<Void>?
    private var closing: Scheduled<Void>?
    private var heartbeats: Heartbeats?
    private var isReading = true
    private var isWireFull = false
    private var isEnding = false

    /// How many bytes are put together before they are sent.
    private static let outputSize = 65_536
    /// How much of what it has caused may wait for a client that does not read, in bytes or so: then it is not read from
    /// either.
    private static let waitingLimit = 2 * 1024 * 1024
    /// How long a client may take to read the last that it is sent.
    private static let lastWordTimeout = TimeAmount.seconds(1)

    init(context: ConnectionContext) { self.context = context }

    func channelActive(context: ChannelHandlerContext) {
        let channel = context.channel
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let mailbox = Mailbox(on: context.eventLoop) {
            let (handler, context) = bound.value
            handler.readMail(context)
        }
        self.mailbox = mailbox
        let name = "\(channel.remoteAddress.map { "\($0)" } ?? "?") -> \(channel.localAddress.map { "\($0)" } ?? "?")"
        self.connection = ClientConnection(name: name, context: self.context, mailbox: mailbox)
        self.loginTimeout = context.eventLoop.scheduleTask(in: TimeAmount(self.context.configuration.loginTimeout)) {
            let (handler, context) = bound.value
            handler.endLogin(context)
        }
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.loginTimeout?.cancel()
        self.closing?.cancel()
        self.heartbeats?.stop()
        self.connection?.lose()
        self.connection = nil
        // It calls this handler, and so holds it.
        self.mailbox = nil
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.heartbeats?.noteReceived()
        self.connection?.receive(self.unwrapInboundIn(data))
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        // What came may have caused something for this client, which goes out with the rest.
        self.readMail(context)
        context.fireChannelReadComplete()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if self.canSend(context) { self.readMail(context) }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is PortClosing:
            self.connection?.shutDown()
            self.follow(context)
            self.end(context)
        case let backlog as WireBacklog:
            self.isWireFull = backlog.isFull
            if self.canSend(context) { self.readMail(context) }
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.context.logger.debug(
            "A connection is lost",
            metadata: ["connection": "\(self.connection?.name ?? "?")", "error": "\(error)"]
        )
        context.close(promise: nil)
    }

    /// Sends what the broker has for the client, as long as the client reads it.
    private func readMail(_ context: ChannelHandlerContext) {
        guard let connection = self.connection else { return }
        connection.fetchMail()
        while self.canSend(context), connection.writeNextMail() {
            if connection.output.count >= Self.outputSize { self.send(context, connection) }
        }
        connection.endMail()
        self.follow(context)
        if self.canSend(context) { connection.noteSent() }
    }

    private func canSend(_ context: ChannelHandlerContext) -> Bool { context.channel.isWritable && !self.isWireFull }

    private func send(_ context: ChannelHandlerContext, _ connection: ClientConnection) {
        // Who does not read has enough on its way; the rest waits here, where it counts for what may wait.
        guard connection.output.count > 0, self.canSend(context) else { return }
        self.heartbeats?.noteSent()
        context.writeAndFlush(self.wrapOutboundOut(connection.output.take()), promise: nil)
    }

    /// Does what the connection wants: sends, goes on or stops reading, closes.
    private func follow(_ context: ChannelHandlerContext) {
        guard let connection = self.connection else { return }
        self.send(context, connection)
        // To send may have been to find that the socket is gone.
        guard self.connection != nil else { return }
        if connection.isLoginOver {
            self.loginTimeout?.cancel()
            self.loginTimeout = nil
        }
        self.startHeartbeats(context, connection)
        // But a client that reads nothing for so long is as good as gone.
        self.heartbeats?.isPatient = connection.isReadingPaused
        let waiting = connection.mailWeight + connection.output.count
        let wantsToRead = !connection.isReadingPaused && waiting < Self.waitingLimit
        if wantsToRead != self.isReading {
            self.isReading = wantsToRead
            context.channel.setOption(ChannelOptions.autoRead, value: wantsToRead).whenFailure { _ in }
        }
        switch connection.end {
        case nil: break
        case .now: self.end(context)
        case .after(let delay) where self.closing == nil:
            let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
            self.closing = context.eventLoop.scheduleTask(in: TimeAmount(delay)) { bound.value.close(promise: nil) }
        case .after: break
        }
    }

    /// Closes when the last that the client is to hear is on its way, however full its socket is; or after a while.
    private func end(_ context: ChannelHandlerContext) {
        guard !self.isEnding else { return }
        self.isEnding = true
        self.heartbeats?.stop()
        guard let last = self.connection?.output.take(), last.readableBytes > 0 || !self.canSend(context) else {
            return context.close(promise: nil)
        }
        self.closing?.cancel()
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        self.closing = context.eventLoop.scheduleTask(in: Self.lastWordTimeout) { bound.value.close(promise: nil) }
        let sent = context.eventLoop.makePromise(of: Void.self)
        sent.futureResult.assumeIsolated().whenComplete { _ in context.close(promise: nil) }
        context.writeAndFlush(self.wrapOutboundOut(last), promise: sent)
    }

    private func startHeartbeats(_ context: ChannelHandlerContext, _ connection: ClientConnection) {
        guard self.heartbeats == nil, connection.heartbeat > 0 else { return }
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        self.heartbeats = Heartbeats(
            every: .seconds(Int64(connection.heartbeat)),
            on: context.eventLoop,
            send: {
                let (handler, context) = bound.value
                handler.connection?.output.writeHeartbeat()
                handler.follow(context)
            },
            onSilence: {
                let (handler, context) = bound.value
                handler.context.logger.info(
                    "A client is silent, and its connection closed",
                    metadata: ["connection": "\(handler.connection?.name ?? "?")"]
                )
                context.close(promise: nil)
            }
        )
    }

    private func endLogin(_ context: ChannelHandlerContext) {
        guard let connection = self.connection, !connection.isLoginOver else { return }
        self.context.logger.info(
            "A client has not logged in in time, and its connection is closed",
            metadata: ["connection": "\(connection.name)"]
        )
        context.close(promise: nil)
    }
}
