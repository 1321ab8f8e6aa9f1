import EnokiBroker
import Foundation

/// A client that sends whatever bytes a test wants, and keeps what comes back: for what no client that behaves does.
///
/// A thread of its own reads, as long as it is told to.
public final class WireClient: Sendable {
    private struct State {
        var bytes: [UInt8] = []
        var isOver = false
    }

    /// Gives the descriptor back when neither the client nor its thread needs it: its number may be another's at once.
    private final class Descriptor: Sendable {
        let socket: WireSocket

        init(_ socket: WireSocket) { self.socket = socket }

        deinit { self.socket.close() }
    }

    private let descriptor: Descriptor
    private let state = Locked(State())

    private var socket: WireSocket { self.descriptor.socket }

    /// Connects to `port` of this machine.
    ///
    /// - Parameter reads: Whether it reads; otherwise it begins to with ``read()``.
    public init(port: Int, reads: Bool = true) throws {
        self.descriptor = Descriptor(try WireSocket(port: UInt16(port)))
        if reads { self.read() }
    }

    deinit { self.disconnect() }

    /// Begins to read.
    public func read() {
        let (descriptor, state) = (self.descriptor, self.state)
        let thread = Thread {
            while let bytes = try? descriptor.socket.receive(), !bytes.isEmpty { state.withLock { $0.bytes += bytes } }
            state.withLock { $0.isOver = true }
        }
        thread.name = "wire client"
        thread.start()
    }

    /// Sends bytes; blocks while the peer does not read.
    ///
    /// - Returns: Whether the connection still took them.
    @discardableResult
    public func send(_ bytes: [UInt8]) -> Bool { (try? self.socket.send(bytes)) != nil }

    /// What has come so far.
    public var bytes: [UInt8] { self.state.withLock { $0.bytes } }

    /// Whether the peer has closed the connection.
    public var isOver: Bool { self.state.withLock { $0.isOver } }

    /// Hangs up.
    public func disconnect() { self.socket.shutdown() }

    /// The methods that have come, in the form `60.80`.
    public var methods: [String] {
        self.methodPayloads.map { "\(Int($0[0]) << 8 | Int($0[1])).\(Int($0[2]) << 8 | Int($0[3]))" }
    }

    /// The reasons of the `connection.close` and `channel.close` that have come.
    public var closures: [AMQPClosure] {
        self.methodPayloads.compactMap { payload in
            var reader = WireReader(payload)
            switch (try? reader.integer(UInt16.self), try? reader.integer(UInt16.self)) {
            case (10, 50): return try? reader.closure(of: .connection)
            case (20, 40): return try? reader.closure(of: .channel)
            default: return nil
            }
        }
    }

    /// Those of the whole frames so far. Unlike ``WireFrame/next(from:)`` it is linear in what has come.
    private var methodPayloads: [[UInt8]] {
        let bytes = self.bytes
        var payloads: [[UInt8]] = []
        var start = 0
        while start + 7 <= bytes.count {
            let end = start + 7 + bytes[start + 3..<start + 7].reduce(0) { $0 << 8 | Int($1) }
            guard end < bytes.count else { break }
            if bytes[start] == 1, end - start >= 11 { payloads.append(Array(bytes[start + 7..<end])) }
            start = end + 1
        }
        return payloads
    }
}
