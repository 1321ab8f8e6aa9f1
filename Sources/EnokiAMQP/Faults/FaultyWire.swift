import EnokiBroker
import NIOCore

/// A connection on whose wire something can go wrong: takes what passes, and says what happens instead.
///
/// It performs no I/O and knows no time.
struct FaultyWire {
    /// What happens, each when all before it in the same direction has.
    enum Action: Equatable {
        /// Bytes go on in their direction.
        case pass(ByteBuffer)
        /// Bytes go to the client, which the server did not send.
        case say(ByteBuffer)
        /// Bytes go to the client after a while.
        case sayLater(ByteBuffer, after: Duration)
        /// What follows in the direction waits.
        case wait(Duration)
        /// Both directions have a limit from now on.
        case throttle(bytesPerSecond: Int)
        /// The socket is closed, as far as it says.
        case end(WireFault.End)
    }

    private let faults: WireFaults
    private let number: Int
    private var name: ByteName?
    private var received: FrameCutter
    private var sent: FrameCutter
    private var sendsHeartbeats = true
    private var isHalfClosed = false
    private var isOver = false
    /// Whether the server sends nothing any more, not even its end.
    private(set) var isMute = false
    /// Whether nothing is read any more.
    private(set) var isBlackhole = false

    /// Whether the client can still hear something.
    var canSend: Bool { !self.isMute && !self.isHalfClosed && !self.isOver }

    /// A connection that has come to a port with `faults`, as the which-th.
    init(faults: WireFaults, number: Int = 1, frameMax: Int) {
        self.faults = faults
        self.number = number
        self.received = FrameCutter(frameMax: frameMax)
        self.sent = FrameCutter(frameMax: 0)
    }

    /// The connection is there.
    mutating func accept() -> [Action] {
        let faults = self.faults.step(.accepts, on: self.number)
        if let end = faults.lazy.compactMap(\.endBefore).first { return self.end(end) }
        return self.follow(faults, isSending: true)
    }

    /// The connection is gone.
    mutating func lose() {
        self.isOver = true
        self.faults.disconnect(self.number)
    }

    /// Takes bytes of the client.
    mutating func receive(_ bytes: ByteBuffer) -> [Action] {
        guard !self.isOver, !self.isBlackhole else { return [] }
        self.received.append(bytes)
        var actions: [Action] = []
        while !self.isOver, !self.isBlackhole, let piece = self.received.next() {
            if piece.kind == .connectionStartOk { self.name = Self.connectionName(in: piece.payload) }
            actions += self.pass(piece, isSending: false)
        }
        return actions
    }

    /// Takes bytes of the server.
    mutating func send(_ bytes: ByteBuffer) -> [Action] {
        guard self.canSend else { return [] }
        self.sent.append(bytes)
        var actions: [Action] = []
        while self.canSend, let piece = self.sent.next() {
            guard self.sendsHeartbeats || piece.kind != .heartbeat else { continue }
            actions += self.pass(piece, isSending: true)
        }
        return actions
    }

    private mutating func pass(_ piece: FrameCutter.Piece, isSending: Bool) -> [Action] {
        guard let kind = piece.kind else { return [.pass(piece.bytes)] }
        let faults = self.faults.step(
            isSending ? .sends(kind) : .receives(kind),
            on: self.number,
            name: self.name,
            size: piece.bytes.readableBytes
        )
        if let end = faults.lazy.compactMap(\.endBefore).first { return self.end(end) }
        var frame = FaultyFrame(piece.bytes)
        for fault in faults { frame.suffer(fault.effect) }
        let actions = frame.actions
        return frame.isCut ? actions + self.end(.close) : actions + self.follow(faults, isSending: isSending)
    }

    /// What is after a step.
    private mutating func follow(_ faults: [WireFault], isSending: Bool) -> [Action] {
        var actions: [Action] = []
        for fault in faults {
            switch fault.effect {
            case .inject(let bytes):
                let bytes = ByteBuffer(bytes: bytes)
                actions.append(isSending ? .pass(bytes) : .say(bytes))
            case .blockPublishers(let duration):
                let blocked = ServerMethod.connectionBlocked(reason: "\(fault)").bytes
                actions.append(isSending ? .pass(blocked) : .say(blocked))
                if let duration {
                    actions.append(.sayLater(ServerMethod.connectionUnblocked.bytes, after: duration))
                }
            case .throttle(let rate): actions.append(.throttle(bytesPerSecond: rate))
            case .stopHeartbeats: self.sendsHeartbeats = false
            case .silence: self.isMute = true
            case .blackhole: (self.isMute, self.isBlackhole) = (true, true)
            default: break
            }
        }
        for fault in faults {
            if case .end(let end, isBefore: false) = fault.effect { actions += self.end(end) }
        }
        return actions
    }

    private mutating func end(_ end: WireFault.End) -> [Action] {
        if end == .halfClose { self.isHalfClosed = true } else { self.isOver = true }
        return [.end(end)]
    }

    private static func connectionName(in payload: ByteBuffer) -> ByteName? {
        guard case .connectionStartOk(let startOk) = try? ClientMethod.decode(from: payload) else { return nil }
        return startOk.clientProperties["connection_name"]?.stringValue.map(ByteName.init)
    }
}

extension WireFault {
    /// How the connection ends before the step, where it does.
    fileprivate var endBefore: End? {
        if case .end(let end, isBefore: true) = self.effect { end } else { nil }
    }
}

extension ServerMethod {
    /// The method as a frame on channel 0.
    fileprivate var bytes: ByteBuffer {
        var bytes = ByteBuffer()
        self.write(into: &bytes, channel: 0)
        return bytes
    }
}
