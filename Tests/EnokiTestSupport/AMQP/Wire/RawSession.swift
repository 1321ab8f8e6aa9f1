/// What a case on the wire works with: connections to one broker, and the trace of what came on them.
public final class RawSession {
    /// How far a connection is.
    public enum Stage: Int, Sendable {
        /// Nothing was sent.
        case connected
        /// `connection.start` has come.
        case starting
        /// `connection.tune` has come.
        case tuning
        /// `connection.tune-ok` was sent.
        case opening
        /// `connection.open-ok` has come.
        case running
        /// Channel 1 is open.
        case channel
    }

    /// The broker.
    public let peer: any WirePeer
    /// All that came, as far as it was taken.
    public let trace: Trace
    private var connections: [RawConnection] = []

    /// A session with a broker.
    public init(_ peer: any WirePeer) {
        self.peer = peer
        self.trace = Trace(virtualHost: peer.virtualHost)
    }

    /// Makes a connection and takes it so far; what comes on the way, heartbeats too, is no part of the trace.
    ///
    /// - Parameters:
    ///   - stage: Where the case begins.
    ///   - startOk: What to log in with.
    ///   - tuneOk: What to agree on.
    public func connect(
        _ stage: Stage = .channel,
        startOk: RawFrame = .startOk(),
        tuneOk: RawFrame = .tuneOk()
    ) async throws -> RawConnection {
        let name = String(UnicodeScalar(UInt8(ascii: "a") + UInt8(self.connections.count % 26)))
        let connection = try RawConnection(port: self.peer.port, name: name, trace: self.trace)
        self.connections.append(connection)
        let steps: [(stage: Stage, bytes: [UInt8], answer: String?)] = [
            (.starting, Array("AMQP".utf8) + [0, 0, 9, 1], "0 connection.start "),
            (.tuning, startOk.bytes, "0 connection.tune "),
            (.opening, tuneOk.bytes, nil),
            (.running, RawFrame.connectionOpen(self.peer.virtualHost).bytes, "0 connection.open-ok "),
            (.channel, RawFrame.channelOpen(1).bytes, "1 channel.open-ok "),
        ]
        for step in steps where step.stage.rawValue <= stage.rawValue {
            connection.send(bytes: step.bytes)
            guard let answer = step.answer else { continue }
            var line = try await connection.take()
            // The broker sends them from `tune-ok` on; whoever is late finds one before the answer.
            while line == RawConnection.heartbeat { line = try await connection.take() }
            guard line.hasPrefix(answer) else {
                throw ConditionNotMet(description: "Expected \(answer) at stage \(step.stage), found: \(line)")
            }
        }
        if stage.rawValue >= Stage.running.rawValue { connection.noteRunning() }
        return connection
    }

    /// Ends all connections; what came and was not taken stands in the trace then.
    public func finish() async throws {
        for connection in self.connections { try await connection.finish() }
    }
}
