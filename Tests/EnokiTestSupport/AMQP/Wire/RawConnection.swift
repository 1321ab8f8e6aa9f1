import EnokiBroker
import Foundation

/// A connection on which a test sends any octets and sees every frame that comes back.
///
/// Nothing is answered by itself, not even `connection.close`. What comes is taken line by line and stands in the session's
/// trace.
public final class RawConnection: Sendable {
    /// What ``next(within:)`` returns when the broker has ended the connection.
    ///
    /// RabbitMQ's sockets do not linger, so that a client sees a reset where other servers end in good order. To a client
    /// both is the same, and one line here.
    public static let end = "the end"

    /// The line of a heartbeat.
    public static let heartbeat = "0 heartbeat"

    private struct State {
        /// Received and not taken.
        var lines: [String] = []
        var isOver = false
        var isEndTaken = false
        var isLeft = false
        var isClosedByBroker = false
        var isRunning = false
    }

    private let socket: WireSocket
    /// Whether the socket is open; held while it is used, since its descriptor is another's when it is closed.
    private let isOpen = Locked(true)
    private let name: String
    private let trace: Trace
    private let state = Locked(State())
    private let arrival = Signal()
    private let reading = Latch()

    init(port: UInt16, name: String, trace: Trace) throws {
        self.socket = try WireSocket(port: port)
        self.name = name
        self.trace = trace
        let thread = Thread { self.read() }
        thread.name = "amqp raw"
        thread.start()
    }

    /// Sends frames in one go, right or wrong.
    public func send(_ frames: RawFrame...) { self.send(frames) }

    /// Sends frames in one go, right or wrong.
    public func send(_ frames: [RawFrame]) { self.send(bytes: frames.flatMap(\.bytes)) }

    /// Sends octets; a connection that is over swallows them.
    public func send(bytes: [UInt8]) {
        // The broker may be faster; what it has sent before the end is told by `next`.
        self.whileOpen { try? $0.send(bytes) }
    }

    /// Sends the end of what is sent; the broker can go on sending.
    public func finishSending() { self.whileOpen { $0.finishSending() } }

    /// Takes the next frame, as a line, or ``end``.
    ///
    /// - Throws: ``ConditionNotMet`` when nothing comes.
    @discardableResult
    public func next(within limit: Duration = .seconds(30)) async throws -> String {
        self.told(try await self.take(within: limit))
    }

    /// Adds a line to the trace.
    private func told(_ line: String) -> String {
        let normalised = self.trace.normalised(line)
        self.trace.add("\(self.name): \(normalised)")
        if normalised.contains(" connection.close ") { self.state.withLock { $0.isClosedByBroker = true } }
        return normalised
    }

    /// Takes so many frames.
    @discardableResult
    public func next(_ count: Int) async throws -> [String] {
        var lines: [String] = []
        while lines.count < count { lines.append(try await self.next()) }
        return lines
    }

    /// Takes so many frames, and the heartbeats between them, which are not told.
    ///
    /// - Parameter inOrder: `false` where the broker sends them in any order: they are sorted.
    /// - Throws: ``ConditionNotMet`` when there are not so many.
    @discardableResult
    public func nextButHeartbeats(_ count: Int, inOrder: Bool = true) async throws -> [String] {
        var lines: [String] = []
        let deadline = ContinuousClock.now.advanced(by: .seconds(30))
        while lines.count < count {
            let line = try await self.take()
            if line != Self.heartbeat { lines.append(line) }
            guard ContinuousClock.now < deadline else {
                throw ConditionNotMet(description: "Only heartbeats came on connection \(self.name) after \(lines)")
            }
        }
        return (inOrder ? lines : lines.sorted()).map(self.told)
    }

    /// Whether nothing has come that was not taken.
    public var isQuiet: Bool { self.state.withLock { $0.lines.isEmpty && !$0.isOver } }

    /// Agrees to the end of the connection, which comes at once then.
    public func acceptClose() async throws -> String {
        self.send(.connectionCloseOk)
        return try await self.next()
    }

    /// Closes the connection in good order, and takes what the broker had to say before: all of it, when `close-ok` comes.
    @discardableResult
    public func close() async throws -> [String] {
        self.send(.connectionClose)
        var lines: [String] = []
        repeat { lines.append(try await self.next()) } while lines.last.map(Self.isLast) == false
        self.hangUp()
        return lines
    }

    /// Goes away without a word.
    public func hangUp() {
        self.state.withLock { $0.isLeft = true }
        self.whileOpen { $0.shutdown() }
    }

    private func whileOpen(_ body: (WireSocket) -> Void) {
        self.isOpen.withLock { isOpen in if isOpen { body(self.socket) } }
    }

    private static func isLast(_ line: String) -> Bool { line == Self.end || line == "0 connection.close-ok" }

    /// Takes the next frame, without a word in the trace: for what is different on each broker.
    public func take(within limit: Duration = .seconds(30)) async throws -> String {
        let deadline = ContinuousClock.now.advanced(by: limit)
        while true {
            try Task.checkCancellation()
            let line: String? = self.state.withLock { state in
                if !state.lines.isEmpty { return state.lines.removeFirst() }
                guard state.isOver else { return nil }
                state.isEndTaken = true
                return Self.end
            }
            if let line { return line }
            guard ContinuousClock.now < deadline else { break }
            await self.arrival.wait(until: deadline)
        }
        throw ConditionNotMet(description: "The broker sent nothing more on connection \(self.name) within \(limit)")
    }

    /// Takes so many frames, without a word in the trace.
    public func take(_ count: Int) async throws -> [String] {
        var lines: [String] = []
        while lines.count < count { lines.append(try await self.take()) }
        return lines
    }

    /// The login is over.
    func noteRunning() { self.state.withLock { $0.isRunning = true } }

    /// Ends the connection at the end of a case: in good order where it is open, so that all that came is in the trace.
    func finish() async throws {
        let state = self.state.withLock { $0 }
        if !state.isLeft, !state.isEndTaken {
            if state.isClosedByBroker {
                _ = try await self.acceptClose()
            } else if state.isRunning {
                try await self.close()
            }
        }
        self.hangUp()
        await self.reading.wait()
    }

    /// What the thread does.
    private func read() {
        var buffer: [UInt8] = []
        while let bytes = try? self.socket.receive(), !bytes.isEmpty {
            buffer += bytes
            if buffer.starts(with: "AMQP".utf8), buffer.count >= 8 {
                self.append("protocol header \(buffer[4..<8].map(String.init).joined(separator: " "))")
                buffer.removeFirst(8)
            }
            while let frame = try? RawFrame.next(from: &buffer) { self.append(frame.text) }
        }
        if !buffer.isEmpty { self.append("\(buffer.count) octets of a frame") }
        self.isOpen.withLock { isOpen in
            isOpen = false
            self.socket.close()
        }
        self.state.withLock { $0.isOver = true }
        self.arrival.signal()
        self.reading.open()
    }

    private func append(_ line: String) {
        self.state.withLock { $0.lines.append(line) }
        self.arrival.signal()
    }
}
