import DequeModule
import EnokiBroker
import EnokiInProcess
import Logging
import NIOCore

/// A client's connection, from its protocol header to its end: takes what the client sends and what the broker has for it,
/// and says what to send and when to close.
///
/// It lives on one event loop, performs no I/O and knows no time: that is the ``ConnectionHandler``'s.
final class ClientConnection {
    private enum Phase {
        /// Nothing has come.
        case header
        case login(Handshake)
        case running
        /// One side has closed it: nothing more is heard than the other side's word for that.
        case closing
        /// Nothing is heard.
        case deaf
    }

    /// When the socket is to be closed.
    enum End: Equatable {
        case now
        case after(Duration)
    }

    /// How long a client that is told nothing, or is not listened to, waits for the end; RabbitMQ's `SILENT_CLOSE_DELAY`.
    private static let silence = Duration.seconds(3)
    /// How long the other side may take to agree to the end, at most; RabbitMQ's `CLOSING_TIMEOUT`.
    private static let closingTimeout = Duration.seconds(30)

    let name: String
    private let context: ConnectionContext
    private let mailbox: Mailbox
    /// What the broker has for the client and could not be sent yet.
    private var mail = Deque<Mailbox.Item>()
    /// How much of what the client has caused waits to be written, in bytes or so.
    private(set) var mailWeight = 0
    private var phase = Phase.header
    private var decoder = FrameDecoder()
    private var tuning = ConnectionTune(channelMax: 0, frameMax: UInt32(Handshake.initialFrameMax), heartbeat: 0)
    private var hearsOfBlocks = false
    private var broker: InProcessBroker?
    private var connection: ServerConnection?
    private var watch: BrokerWatch?
    private var channels = ChannelTable()
    /// Whether a block has been told, or is to be once it is over.
    private var isBlocked = false

    /// What is to be sent.
    var output = ConnectionOutput()
    /// When the socket is to be closed; `nil` for not yet.
    private(set) var end: End?
    /// Whether nothing more is read for now, because the broker takes no messages.
    var isReadingPaused: Bool { self.isBlocked && self.end == nil }

    init(name: String, context: ConnectionContext, mailbox: Mailbox) {
        self.name = name
        self.context = context
        self.mailbox = mailbox
    }

    /// Whether the client has logged in, or never will.
    var isLoginOver: Bool {
        switch self.phase {
        case .header, .login: false
        case .running, .closing, .deaf: true
        }
    }

    /// In seconds, as agreed; 0 for none.
    var heartbeat: UInt16 { self.tuning.heartbeat }

    // MARK: - What the client sends

    /// Takes bytes of the client; where nothing is heard any more, nothing is kept.
    func receive(_ bytes: ByteBuffer) {
        if case .deaf = self.phase { return }
        self.decoder.append(bytes)
        self.receive()
    }

    /// Goes on with bytes that came before.
    private func receive() {
        while self.end != .now, !self.isReadingPaused {
            do throws(ConnectionFailure) {
                guard try self.receiveNext() else { return }
            } catch {
                // What comes behind may be the client's own close.
                self.fail(error)
            }
        }
    }

    /// - Returns: Whether there was something.
    private func receiveNext() throws(ConnectionFailure) -> Bool {
        switch self.phase {
        case .header:
            guard let header = self.decoder.protocolHeader() else { return false }
            guard header == .amqp091 else {
                self.context.logger.info("A client speaks another protocol", metadata: ["connection": "\(self.name)"])
                self.output.write(ProtocolHeader.answer)
                self.close(.now)
                return false
            }
            self.output.write(Handshake.start)
            self.phase = .login(
                Handshake(configuration: self.context.configuration, isLoopback: self.context.isLoopback)
            )
            return true
        case .deaf: return false
        case .login, .running, .closing:
            let frame: Frame?
            do throws(FrameError) { frame = try self.decoder.next(frameMax: Int(self.tuning.frameMax)) } catch {
                throw ConnectionFailure(error)
            }
            guard let frame else { return false }
            try self.receive(frame)
            return true
        }
    }

    private func receive(_ frame: Frame) throws(ConnectionFailure) {
        if case .closing = self.phase { return try self.receiveAtEnd(frame) }
        guard frame.isWellFormed else { throw ConnectionFailure(.frameError, frame.unknownFrame) }
        guard frame.kind != .heartbeat || frame.channel != 0 else { return }
        let isControl = frame.kind == .method && frame.channel == 0
        guard frame.kind != .heartbeat, isControl || frame.channel != 0 else {
            throw .unexpectedFrame(frame.unexpectedFrame)
        }
        switch self.phase {
        case .login(let handshake):
            guard isControl else { throw .unexpectedFrame(frame.unexpectedFrame) }
            try self.logIn(by: try self.controlMethod(frame), handshake)
        case .running where isControl: try self.control(try self.controlMethod(frame))
        case .running: try self.receiveOnChannel(frame)
        case .header, .closing, .deaf: break
        }
    }

    private func controlMethod(_ frame: Frame) throws(ConnectionFailure) -> ClientMethod {
        do {
            return try ClientMethod.decode(from: frame.payload)
        } catch {
            let method = MethodID(classID: error.classID, methodID: error.methodID)
            switch (error.reason, self.phase) {
            case (.methodOfServers, .running):
                guard let method else { throw ConnectionFailure(.internalError) }
                throw .unexpected(method, in: "running")
            case (.notUTF8, _): throw ConnectionFailure(.frameError, error.explanation, method: method)
            case (.unknownMethod, _), (.malformedTable, _): throw ConnectionFailure(error)
            case (_, .login): throw ConnectionFailure(error).silenced
            default: throw ConnectionFailure(.internalError)
            }
        }
    }

    /// After one side has closed the connection.
    private func receiveAtEnd(_ frame: Frame) throws(ConnectionFailure) {
        guard frame.kind == .method, frame.channel == 0 else { return }
        do throws(SyntaxError) {
            switch try ClientMethod.decode(from: frame.payload) {
            case .connectionClose: self.output.write(.connectionCloseOk)
            case .connectionCloseOk: self.close(.now)
            default: break
            }
        } catch {
            if error.reason == .unknownMethod { throw ConnectionFailure(error) }
        }
    }

    private func logIn(by method: ClientMethod, _ handshake: Handshake) throws(ConnectionFailure) {
        var handshake = handshake
        let step = try handshake.receive(method)
        self.phase = .login(handshake)
        switch step {
        case .answer(let answer): self.output.write(answer)
        case .tuned: self.tuning = handshake.tuning
        case .open(let virtualHost): try self.open(virtualHost, handshake)
        }
    }

    private func open(_ virtualHost: String, _ handshake: Handshake) throws(ConnectionFailure) {
        let (broker, user) = try self.context.broker(of: virtualHost, for: handshake.user)
        let mailbox = self.mailbox
        let name = handshake.clientProperties["connection_name"]?.stringValue ?? self.name
        let connection = broker.open(name: name, user: user.name, sink: mailbox)
        self.connection = connection
        guard connection.isOpen else { throw ConnectionFailure(.connectionForced, "the broker is stopped") }
        self.broker = broker
        self.watch = broker.watch(
            onClose: { mailbox.post(.brokerClosed) },
            onBlock: { mailbox.post(.blockChanged) }
        )
        self.output.frameMax = Int(self.tuning.frameMax)
        self.output.canCancelConsumers = handshake.clientCan("consumer_cancel_notify")
        self.hearsOfBlocks = handshake.clientCan("connection.blocked")
        self.output.write(.connectionOpenOk)
        self.phase = .running
        self.context.logger.debug(
            "A client has logged in",
            metadata: ["connection": "\(name)", "user": "\(user)", "virtual-host": "\(virtualHost)"]
        )
    }

    private func control(_ method: ClientMethod) throws(ConnectionFailure) {
        switch method {
        case .connectionClose:
            self.catchUp()
            self.output.write(.connectionCloseOk)
            // The broker may have closed it first.
            guard case .running = self.phase else { return }
            self.letGo()
            self.phase = .closing
            self.close(.after(self.closingTime))
        case .connectionUpdateSecret: self.output.write(.connectionUpdateSecretOk)
        default: throw .unexpected(method.id, in: "running")
        }
    }

    private func receiveOnChannel(_ frame: Frame) throws(ConnectionFailure) {
        let known = self.channels[frame.channel]
        let found = if let known { known } else { try self.beginChannel(frame.channel) }
        guard let channel = found else { return }
        // What it answers itself must not overtake what the broker has.
        if channel.hasFailed { self.catchUp() }
        if try channel.receive(frame, &self.output) { self.channels.remove(channel) }
        // Where RabbitMQ looks whether it may go on, too.
        if frame.kind == .header { self.noteBlock() }
    }

    /// A channel begins with its first frame, be it `channel.open` or not; `nil` where the connection is lost, and its end is
    /// on the way.
    private func beginChannel(_ number: UInt16) throws(ConnectionFailure) -> ClientChannel? {
        guard self.channels.count < Int(self.tuning.channelMax) else {
            let count = self.channels.count
            throw ConnectionFailure(
                .notAllowed,
                "number of channels opened (\(count)) has reached the negotiated channel_max (\(self.tuning.channelMax))"
            )
        }
        guard let broker = try? self.connection?.openChannel(to: self.mailbox) else { return nil }
        let channel = ClientChannel(
            number: number,
            broker: broker,
            messageSizeMax: self.context.configuration.messageSizeMax
        )
        self.channels.insert(channel)
        return channel
    }

    // MARK: - What the broker has for the client

    /// Fetches what the broker has for the client.
    func fetchMail() {
        for item in self.mailbox.takeAll() {
            self.mail.append(item)
            self.mailWeight += item.weight
        }
    }

    /// Writes the first thing that waits.
    ///
    /// - Returns: Whether there was one.
    func writeNextMail() -> Bool {
        guard let item = self.mail.popFirst() else { return false }
        self.mailWeight -= item.weight
        self.receive(item)
        return true
    }

    /// Writes all that the broker has for the client: what comes next must not overtake it.
    private func catchUp() {
        self.fetchMail()
        while self.writeNextMail() {}
        self.endMail()
    }

    private func receive(_ mail: Mailbox.Item) {
        guard case .running = self.phase else { return }
        switch mail {
        case .event(.closed(let reason), _): self.fail(ConnectionFailure(reason))
        case .brokerClosed: self.fail(ConnectionFailure(.shutdown))
        case .blockChanged: self.noteUnblock()
        case .event(let event, let id):
            guard let channel = self.channels[id] else { return }
            if channel.write(event, &self.output) {
                self.channels.remove(channel)
            } else {
                self.channels.noteWritten(channel)
            }
        }
    }

    /// There is nothing more from the broker for now: what was held back to be told at once is told.
    func endMail() { self.channels.writeConfirms(&self.output) }

    /// What was written is on its way, and the broker may send more.
    func noteSent() { self.channels.noteSent() }

    /// Ends the connection because the port closes.
    func shutDown() {
        if case .running = self.phase { self.fail(ConnectionFailure(.shutdown)) }
    }

    // MARK: - Blocking

    /// As with RabbitMQ, who publishes while the broker takes no messages is not read from any more.
    private func noteBlock() {
        guard !self.isBlocked, let reason = self.broker?.blockReason else { return }
        self.isBlocked = true
        if self.hearsOfBlocks { self.output.write(.connectionBlocked(reason: reason)) }
    }

    private func noteUnblock() {
        guard self.isBlocked, self.broker?.blockReason == nil else { return }
        self.isBlocked = false
        if self.hearsOfBlocks { self.output.write(.connectionUnblocked) }
        self.receive()
    }

    // MARK: - The end

    /// Ends the connection, and says why as far as it may.
    private func fail(_ failure: ConnectionFailure) {
        if case .running = self.phase {
            self.catchUp()
            // Something else that is wrong came first.
            guard case .running = self.phase else { return }
        }
        let failure = self.mayTell(failure) ? failure : failure.silenced
        self.context.logger.info(
            "A connection is closed by the broker",
            metadata: ["connection": "\(self.name)", "reason": "\(failure)"]
        )
        self.letGo()
        switch failure.notice {
        case .close:
            self.output.write(.connectionClose(failure.close))
            self.phase = .closing
            self.close(.after(self.closingTime))
        case .lastWord:
            self.output.write(.connectionClose(failure.close))
            self.phase = .deaf
            self.close(.after(Self.silence))
        case .farewell:
            self.output.write(.connectionClose(failure.close))
            self.close(.now)
        case .silence:
            self.phase = .deaf
            self.close(.after(Self.silence))
        case .none: self.close(.now)
        }
    }

    /// Whether the client hears why: before it is nearly in, only of a refused login; and not when it is over anyway.
    private func mayTell(_ failure: ConnectionFailure) -> Bool {
        switch self.phase {
        case .header, .closing, .deaf: failure.notice == .none
        case .login(let handshake):
            failure.notice == .none || handshake.phase == .opening || failure.exception.code == .accessRefused
        case .running: true
        }
    }

    private var closingTime: Duration {
        self.heartbeat == 0 ? Self.closingTimeout : min(Self.closingTimeout, .seconds(Int(self.heartbeat)))
    }

    private func close(_ end: End) {
        if end == .now { self.phase = .deaf }
        self.end = end
    }

    /// The socket is gone.
    func lose() {
        self.letGo()
        self.phase = .deaf
        self.end = .now
    }

    /// The connection and its channels are the broker's no more: what they had not settled is back in its queues.
    private func letGo() {
        self.watch = nil
        self.connection?.abandon()
        self.connection = nil
        self.channels = ChannelTable()
        self.mail = []
        self.mailWeight = 0
        self.isBlocked = false
    }
}
