import CRabbitMQ
import EnokiBroker

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The life of one session on its I/O thread: sends what is in the outbox, hands out what comes, keeps the heartbeat.
///
/// Nothing in it blocks but `poll`, and that one knows the next deadline.
final class SessionLoop {
    private let login: LoggedIn
    private let connection: Connection
    private let user: any ConnectionUser
    private let session: Session
    private let endpoint: RabbitMQConfiguration.Endpoint
    private var sending: OutputBuffer
    private let input = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 * 1024, alignment: 16)
    private let decoder: FrameDecoder
    private var frameWatch: FrameWatch
    private var heartbeat: Heartbeat
    private var nextLook: ContinuousClock.Instant
    private var hasReceivedFrame = false
    /// The channels that something came on, by number.
    private var inbound: [Inbound?] = []
    private var sendsWhenReadable = false
    private var receivesWhenWritable = false
    private var end: BrokerError?
    private var closing = Closing.no

    /// A channel with the message that is coming in on it.
    private final class Inbound {
        let channel: Channel
        var assembly: ContentAssembly
        var stall = StallWatch()

        init(_ channel: Channel, maxBodySize: Int) {
            self.channel = channel
            self.assembly = ContentAssembly(maxBodySize: maxBodySize)
        }
    }

    private enum Closing {
        case no
        /// Waiting for the last confirms, until then.
        case settling(until: ContinuousClock.Instant)
        /// `connection.close` was sent; waiting for the answer, until then.
        case closing(until: ContinuousClock.Instant)
    }

    /// How long an orderly end may take.
    private static let timeToClose = Duration.seconds(2)

    init(
        _ login: LoggedIn,
        _ connection: Connection,
        _ user: any ConnectionUser,
        endpoint: RabbitMQConfiguration.Endpoint
    ) {
        self.login = login
        self.connection = connection
        self.user = user
        self.endpoint = endpoint
        self.sending = OutputBuffer(frameMax: login.frameMax)
        self.decoder = FrameDecoder(login.state)
        self.frameWatch = FrameWatch(heartbeat: login.heartbeat)
        self.heartbeat = Heartbeat(interval: login.heartbeat, now: .now)
        self.nextLook = .now + login.heartbeat
        let outbox = Outbox(
            frameMax: login.frameMax,
            limit: connection.configuration.outputBufferLimit,
            waker: connection.waker
        )
        self.session = Session(outbox: outbox, channelMax: login.channelMax, endpoint: endpoint)
    }

    deinit { self.input.deallocate() }

    /// Serves until the connection is over, and returns why. All channels have been told by then.
    func run() -> BrokerError {
        self.takeEarlyFrames()
        self.user.connectionOpened(self.session)
        var input = true
        while self.end == nil {
            if input { self.receive() }
            self.send()
            self.checkTime()
            if self.connection.isClosing { self.proceedClosing() }
            input = self.end == nil && self.sleep()
        }
        let end = self.end ?? BrokerError(.connectionLost, "\(self.endpoint): the connection ended")
        self.session.end(end)
        return end
    }

    private func fail(_ reason: String, _ code: BrokerError.Code = .connectionLost) {
        if self.end == nil { self.end = BrokerError(code, "\(self.endpoint): \(reason)") }
    }

    // MARK: - Time

    /// Sleeps until there is something to do; returns whether there may be input.
    private func sleep() -> Bool {
        let isStuck = !self.sending.isEmpty
        let (deadline, sleeps) = self.session.outbox.fallAsleep(isStuck: isStuck)
        guard sleeps else { return false }
        var wake = ContinuousClock.now + .seconds(60)
        if case .wait(let until) = self.heartbeat.due(at: .now) { wake = min(wake, until) }
        if let deadline { wake = min(wake, deadline) }
        if let deadline = self.frameWatch.deadline { wake = min(wake, deadline) }
        switch self.closing {
        case .no: break
        case .settling(let until), .closing(let until): wake = min(wake, until)
        }
        let wantsRoom = (isStuck && !self.sendsWhenReadable) || self.receivesWhenWritable
        let wanted = Int16(POLLIN) | (wantsRoom ? Int16(POLLOUT) : 0)
        var descriptors = (
            pollfd(fd: self.login.socket.descriptor, events: wanted, revents: 0),
            pollfd(fd: self.connection.waker.descriptor, events: Int16(POLLIN), revents: 0)
        )
        let milliseconds = max(0, ContinuousClock.now.duration(to: wake).wholeMilliseconds)
        let count = withUnsafeMutablePointer(to: &descriptors) { pointer in
            pointer.withMemoryRebound(to: pollfd.self, capacity: 2) { poll($0, 2, Int32(clamping: milliseconds)) }
        }
        self.session.outbox.wakeUp()
        if count < 0 {
            if errno != EINTR { self.fail("poll: \(Platform.describe(error: errno))") }
            return false
        }
        if descriptors.1.revents != 0 { self.connection.waker.reset() }
        return descriptors.0.revents != 0
    }

    private func checkTime() {
        let now = ContinuousClock.now
        if let deadline = self.session.outbox.deadline, deadline <= now {
            self.session.expire(at: now)
            if let abortion = self.session.abortion { self.fail(abortion.message, abortion.code) }
        }
        if now >= self.nextLook { self.lookForStalls(at: now) }
        if let deadline = self.frameWatch.deadline, now >= deadline {
            self.fail("a frame of \(self.decoder.unfinished ?? 0) bytes that the broker began has not ended in time")
        }
        switch self.heartbeat.due(at: now) {
        case .wait: break
        case .giveUp: self.fail("the broker has been silent for two heartbeats (\(self.login.heartbeat * 2))")
        case .send:
            // What waits for a full socket shows as much as a heartbeat behind it would.
            if self.sending.isEmpty { self.sending.appendHeartbeat() }
            self.heartbeat.sent(at: now)
            self.flush()
        }
    }

    private func lookForStalls(at now: ContinuousClock.Instant) {
        self.nextLook = now + self.login.heartbeat
        defer { self.hasReceivedFrame = false }
        for case let inbound? in self.inbound
        where inbound.stall.isStalled(
            isIncomplete: inbound.assembly.isIncomplete,
            othersCame: self.hasReceivedFrame
        ) {
            self.fail("the broker did not send the rest of a message", .protocolViolation)
        }
    }

    // MARK: - Closing

    private func proceedClosing() {
        let now = ContinuousClock.now
        switch self.closing {
        case .no:
            self.closing = .settling(until: now + Self.timeToClose / 2)
            self.proceedClosing()
        case .settling(let until):
            guard self.user.isIdle || now >= until else { return }
            self.session.outbox.append(.connectionClose, channel: 0)
            self.closing = .closing(until: now + Self.timeToClose / 2)
            self.send()
        case .closing(let until):
            if now >= until { self.fail("closed without the broker's answer", .closed) }
        }
    }

    // MARK: - Output

    private func send() {
        repeat {
            if self.sending.isEmpty { self.session.outbox.take(&self.sending) }
            if self.sending.isEmpty { return }
            self.flush()
        } while self.end == nil && self.sending.isEmpty
    }

    private func flush() {
        self.sendsWhenReadable = false
        var sent = 0
        loop: while !self.sending.isEmpty {
            switch self.sending.withUnsent({ self.login.socket.send($0) }) {
            case .transferred(let count):
                self.sending.consume(count)
                sent += count
            case .waitForInput:
                self.sendsWhenReadable = true
                break loop
            case .waitForRoom: break loop
            case .failed(let reason):
                self.fail(reason)
                break loop
            }
        }
        if sent > 0 { self.heartbeat.sent(at: .now) }
        if self.session.outbox.setInFlight(self.sending.count) { self.user.connectionDrained() }
    }

    // MARK: - Input

    /// Hands out what librabbitmq has read beyond the end of the login.
    private func takeEarlyFrames() {
        let state = self.login.state
        while self.end == nil, amqp_frames_enqueued(state) != 0 || amqp_data_in_buffer(state) != 0 {
            var frame = amqp_frame_t()
            var timeout = timeval()
            let status = amqp_simple_wait_frame_noblock(state, &frame, &timeout)
            if status == AMQP_STATUS_TIMEOUT.rawValue { return }
            guard status == AMQP_STATUS_OK.rawValue else { return self.fail(LibraryStatus.describe(status)) }
            self.handle(frame)
            amqp_maybe_release_buffers_on_channel(state, frame.channel)
        }
    }

    private func receive() {
        self.receivesWhenWritable = false
        // A flood must not keep what we have to say from being said.
        for _ in 0..<4 {
            switch self.login.socket.receive(into: self.input) {
            case .transferred(let count):
                self.heartbeat.received(at: .now)
                self.decode(UnsafeMutableRawBufferPointer(rebasing: self.input[..<count]))
                // TLS gives at most one record at a time.
                if self.end != nil || (count < self.input.count && self.login.socket.tls == nil) { return }
            case .waitForInput: return
            case .waitForRoom:
                self.receivesWhenWritable = true
                return
            case .failed(let reason): return self.fail(reason)
            }
        }
    }

    private func decode(_ bytes: UnsafeMutableRawBufferPointer) {
        do throws(FrameDecoder.Failure) {
            try self.decoder.decode(bytes) { frame in
                self.handle(frame)
                return self.end == nil
            }
            if let size = self.decoder.unfinished { self.frameWatch.waits(forFrameOf: size, at: .now) }
        } catch {
            self.fail(error.reason, .protocolViolation)
        }
    }

    private func handle(_ frame: amqp_frame_t) {
        self.hasReceivedFrame = true
        self.frameWatch.ended()
        switch Int32(frame.frame_type) {
        case AMQP_FRAME_METHOD:
            let method = IncomingMethod(frame.payload.method)
            if frame.channel == 0 { self.handleConnectionMethod(method) } else { self.handle(method, frame.channel) }
        case AMQP_FRAME_HEADER, AMQP_FRAME_BODY:
            self.assemble(frame.channel) { assembly throws(ContentAssembly.Violation) in try assembly.add(frame) }
        default:
            // A heartbeat; the decoder has not seen one that came with the end of the login.
            if frame.channel != 0 {
                self.fail("the broker sent a heartbeat on channel \(frame.channel)", .protocolViolation)
            }
        }
    }

    /// The channel with that number, if it is open.
    private func inbound(_ number: UInt16) -> Inbound? {
        let index = Int(number)
        if index < self.inbound.count, let known = self.inbound[index] { return known }
        guard let channel = self.session.channel(number) else { return nil }
        while self.inbound.count <= index { self.inbound.append(nil) }
        let inbound = Inbound(channel, maxBodySize: self.connection.configuration.maxBodySize)
        self.inbound[index] = inbound
        return inbound
    }

    /// The channel with that number is closed; the number may come to mean another.
    private func forget(_ number: UInt16) {
        if Int(number) < self.inbound.count { self.inbound[Int(number)] = nil }
    }

    private func assemble(
        _ number: UInt16,
        _ step: (inout ContentAssembly) throws(ContentAssembly.Violation) -> Content?
    ) {
        guard let inbound = self.inbound(number) else {
            return self.fail("the broker used channel \(number), which is not open", .protocolViolation)
        }
        inbound.stall.noteProgress()
        do throws(ContentAssembly.Violation) {
            guard let content = try step(&inbound.assembly) else { return }
            inbound.channel.user.channel(inbound.channel, received: content)
        } catch {
            self.fail("the broker sent \(error.reason)", .protocolViolation)
        }
    }

    private func handleConnectionMethod(_ method: IncomingMethod) {
        switch method {
        case .connectionClosed(let closure):
            self.session.outbox.append(.connectionCloseOk, channel: 0)
            self.send()
            let code: BrokerError.Code = closure.code == 320 ? .connectionLost : .protocolViolation
            self.fail("closed by the broker: \(closure.code) \(closure.text)", code)
        case .reply(AMQP_CONNECTION_CLOSE_OK_METHOD, _): self.fail("closed", .closed)
        case .blocked(let reason): self.user.connectionBlocked(reason)
        case .unblocked: self.user.connectionBlocked(nil)
        default: self.fail("the broker sent \(method) on channel 0", .protocolViolation)
        }
    }

    private func handle(_ method: IncomingMethod, _ number: UInt16) {
        guard let channel = self.inbound(number)?.channel else {
            return self.fail("the broker used channel \(number), which is not open", .protocolViolation)
        }
        switch method {
        case .deliver(let envelope):
            self.assemble(number) { assembly throws(ContentAssembly.Violation) in
                try assembly.begin(.delivery(envelope))
                return nil
            }
        case .returned(let reason):
            self.assemble(number) { assembly throws(ContentAssembly.Violation) in
                try assembly.begin(.returned(reason))
                return nil
            }
        case .reply(let id, let reply):
            if id == AMQP_CHANNEL_CLOSE_OK_METHOD {
                self.forget(number)
                // However late it is: from here on the broker knows nothing of the channel.
                self.session.release(channel)
            }
            if !channel.answered(id, reply) {
                self.fail("the broker answered what was not asked", .protocolViolation)
            }
        case .channelClosed(let closure):
            // In this order: who uses the channel sends nothing more on it, then the broker is answered, then the number
            // may be used again. Anything else would end the connection (504 CHANNEL_ERROR).
            let isFree = channel.closed(closure)
            self.session.outbox.append(.channelCloseOk, channel: number)
            self.forget(number)
            if isFree { self.session.release(channel) }
        case .acknowledged, .refused, .cancelled: channel.user.channel(channel, received: method)
        case .unexpected(let name):
            self.fail("the broker sent \(name), which a client cannot get", .protocolViolation)
        case .connectionClosed, .blocked, .unblocked:
            self.fail("the broker sent a method of the connection on channel \(number)", .protocolViolation)
        }
    }
}
