import ChaosLedger
import EnokiBroker
import Foundation

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Stands between one process and the broker, and hurts what passes.
///
/// Its threads only move bytes: what goes through is decided by a ``StreamGate`` for each direction.
final class ChaosProxy: Sendable {
    /// How bytes pass that pass.
    struct Pace: Hashable, Sendable {
        var delay: Duration = .zero
        /// 0 is any number.
        var bytesPerSecond = 0

        static let full = Pace()
    }

    private struct State {
        var listener: Int32 = -1
        var connections: [Int: ProxiedConnection] = [:]
        var records: [ConnectionRecord] = []
        var armed: ArmedCut?
        var armings = 0
        var pace = Pace.full
        var swallows: Set<Direction> = []
        var publishes = 0
    }

    /// Where clients connect.
    let port: Int
    private let target: Int
    /// Keeps the port while nobody listens there, or an outgoing connection could be given it.
    private let placeholder: Int32
    private let state = Locked(State())

    /// A proxy on a port of its own before `target` on loopback; refuses connections until ``accept()``.
    init(to target: Int) throws {
        self.target = target
        self.placeholder = try LoopbackSocket.bound(to: 0)
        self.port = LoopbackSocket.port(of: self.placeholder)
    }

    deinit {
        self.refuse()
        close(self.placeholder)
    }

    /// What it has seen of all connections so far.
    var records: [ConnectionRecord] { self.state.withLock { $0.records } }

    /// How many cuts have happened.
    var cuts: Int { self.state.withLock { $0.records.count { $0.cut != nil } } }

    /// How many messages its process has published.
    var publishes: Int { self.state.withLock { $0.publishes } }

    /// Whether its process has both its connections, as far as can be seen from here.
    var isWhole: Bool { self.records.count(where: \.isAlive) == 2 }

    /// Takes connections from now on.
    func accept() throws {
        let listener = try LoopbackSocket.listener(port: self.port)
        self.state.withLock { $0.listener = listener }
        Thread.detachNewThread { [weak self] in
            while true {
                let client = Glibc.accept(listener, nil, nil)
                guard client >= 0, let self, self.state.withLock({ $0.listener == listener }) else {
                    if client >= 0 { close(client) }
                    // Nobody else does: its number could be that of another socket when this thread asks again.
                    close(listener)
                    return
                }
                self.serve(client)
            }
        }
    }

    /// Takes no more connections, and resets those that are.
    func refuse() {
        let listener = self.state.withLock { state in
            defer { state.listener = -1 }
            return state.listener
        }
        if listener >= 0 { shutdown(listener, Int32(SHUT_RDWR)) }
        for connection in self.connections { connection.reset() }
    }

    /// Arms `cut`, in the place of one that has not happened.
    ///
    /// - Parameter connection: The only one that it may happen to; `nil` is the first on which it is due.
    func arm(_ cut: Cut, on connection: Int? = nil) {
        self.state.withLock { state in
            state.armings += 1
            state.armed = ArmedCut(id: state.armings, cut: cut, connection: connection)
        }
    }

    /// The connection that works for the longest time, and since when.
    var oldest: (connection: Int, since: Instant)? {
        self.records.enumerated().filter(\.element.isAlive).min { $0.element.accepted < $1.element.accepted }
            .map { ($0.offset, $0.element.accepted) }
    }

    /// Whether a cut waits to happen.
    var isArmed: Bool { self.state.withLock { $0.armed != nil } }

    /// Does at once to all connections what `action` says; a ``Cut/Action/flip`` needs bytes and is armed instead.
    ///
    /// - Parameter connection: The only one that it happens to; `nil` is all.
    func strike(_ action: Cut.Action, _ direction: Direction = .toBroker, on connection: Int? = nil) {
        let cut = Cut(action: action, direction: direction, trigger: .bytes(0))
        guard action != .flip else { return self.arm(cut, on: connection) }
        for candidate in self.connections where connection ?? candidate.id == candidate.id {
            self.perform(cut, on: candidate)
        }
    }

    /// How bytes pass from now on.
    func pace(_ pace: Pace) { self.state.withLock { $0.pace = pace } }

    /// Lets nothing through in these directions, on connections to come too.
    func swallow(_ directions: Set<Direction>) { self.state.withLock { $0.swallows = directions } }

    private var connections: [ProxiedConnection] { self.state.withLock { Array($0.connections.values) } }

    private func serve(_ client: Int32) {
        guard let server = try? LoopbackSocket.connected(to: self.target) else {
            // Refused is what a client is to see of a broker that is not there.
            LoopbackSocket.reset(client)
            close(client)
            return
        }
        let connection = self.state.withLock { state in
            let connection = ProxiedConnection(id: state.records.count, client: client, server: server)
            state.records.append(ConnectionRecord(accepted: .now))
            state.connections[connection.id] = connection
            return connection
        }
        let pumps = Locked(2)
        for direction in Direction.allCases {
            Thread.detachNewThread {
                self.pump(connection, direction)
                let isLast = pumps.withLock { pumps in
                    pumps -= 1
                    return pumps == 0
                }
                if isLast { self.end(connection) }
            }
        }
    }

    private func end(_ connection: ProxiedConnection) {
        self.state.withLock { state in
            state.connections[connection.id] = nil
            state.records[connection.id].ended = .now
        }
        connection.close()
    }

    /// Moves bytes one way until that way ends.
    private func pump(_ connection: ProxiedConnection, _ direction: Direction) {
        var gate = StreamGate(direction)
        var armedID = 0
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65536, alignment: 16)
        defer { buffer.deallocate() }
        while let count = connection.receive(direction, into: buffer) {
            let (armed, pace, swallows) = self.state.withLock { ($0.armed, $0.pace, $0.swallows) }
            if armed?.id ?? 0 != armedID {
                gate.arm(armed?.connection ?? connection.id == connection.id ? armed?.cut : nil)
                armedID = armed?.id ?? 0
            }
            if swallows.contains(direction) { connection.blackhole(direction) }
            guard !connection.isBlackholed(direction) else { continue }
            if pace != .full { Self.wait(for: count, pace) }
            if self.forward(.init(rebasing: buffer[..<count]), &gate, connection, direction, armedID) { continue }
            // A client that has gone cannot tell a broker to which nothing comes through.
            guard connection.isBlackholed(.toBroker) else { break }
            connection.blackhole(.toClient)
        }
        // A blackhole hides the end, too: the other side finds out by itself.
        if !connection.isBlackholed(direction) { connection.finish() }
    }

    /// Sends on what passes `gate`.
    ///
    /// - Returns: Whether this way goes on.
    private func forward(
        _ bytes: UnsafeMutableRawBufferPointer,
        _ gate: inout StreamGate,
        _ connection: ProxiedConnection,
        _ direction: Direction,
        _ armedID: Int
    ) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            let passage = gate.pass(rest)
            guard connection.send(direction, UnsafeRawBufferPointer(rebasing: rest[..<passage.count])) else {
                return false
            }
            self.note(passage.methods, of: connection)
            rest = .init(rebasing: rest[passage.count...])
            guard let cut = passage.cut else { continue }
            let isFirst = self.state.withLock { state in
                guard state.armed?.id == armedID else { return false }
                state.armed = nil
                return true
            }
            // Another connection came first; a flip cannot be taken back.
            guard isFirst || cut.action == .flip else { continue }
            self.perform(cut, on: connection)
            switch cut.action {
            case .reset, .finish: return false
            case .blackhole: return true
            case .flip: break
            }
        }
        return true
    }

    private func note(_ methods: [UInt32], of connection: ProxiedConnection) {
        let publishes = methods.count { $0 == WireMethod.basicPublish.rawValue }
        if publishes > 0 { self.state.withLock { $0.publishes += publishes } }
        let telling: [WireMethod] = [.connectionOpenOk, .confirmSelectOk, .basicConsumeOk]
        let methods = methods.filter { method in telling.contains { $0.rawValue == method } }
        guard !methods.isEmpty else { return }
        self.state.withLock { state in for method in methods { state.records[connection.id].note(method, at: .now) } }
    }

    private func perform(_ cut: Cut, on connection: ProxiedConnection) {
        self.state.withLock { state in
            guard state.records[connection.id].cut == nil else { return }
            (state.records[connection.id].cut, state.records[connection.id].cutAt) = (cut, .now)
        }
        switch cut.action {
        case .reset: connection.reset()
        case .finish: connection.finish()
        case .blackhole: connection.blackhole(cut.direction)
        case .flip: break
        }
    }

    private static func wait(for count: Int, _ pace: Pace) {
        var seconds = Double(pace.delay.components.seconds) + Double(pace.delay.components.attoseconds) / 1e18
        if pace.bytesPerSecond > 0 { seconds += Double(count) / Double(pace.bytesPerSecond) }
        usleep(UInt32(seconds * 1_000_000))
    }
}

/// A cut that waits, with a number of its own.
struct ArmedCut: Hashable, Sendable {
    let id: Int
    let cut: Cut
    /// The only connection that it may happen to.
    let connection: Int?
}
