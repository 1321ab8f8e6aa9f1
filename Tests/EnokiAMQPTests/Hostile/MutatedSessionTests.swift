import EnokiBroker
import EnokiInProcess
import Foundation
import NIOCore
import NIOEmbedded
import Testing

@testable import EnokiAMQP
@testable import EnokiTestSupport

/// Ten thousand sessions with something wrong in them: none crashes the port, none leaves something behind, and a client
/// that behaves is served all the while.
///
/// They have a process of their own: a crash is a failed test, and its memory is theirs alone.
@Suite(.timeLimit(.minutes(5))) struct MutatedSessionTests {
    /// `ENOKI_TEST_SEEDS=1-1000000` sends other sessions than the usual ones.
    private static var seeds: ClosedRange<UInt64> {
        let text = ProcessInfo.processInfo.environment["ENOKI_TEST_SEEDS"] ?? "1-10000"
        let bounds = text.split(separator: "-").compactMap { UInt64($0) }
        guard let first = bounds.first, let last = bounds.last, first <= last else { return 1...10_000 }
        return first...last
    }

    /// Where a process says which session it is at, for the other one to read when it has crashed.
    private static func progress(of process: Int32) -> URL {
        URL(filePath: NSTemporaryDirectory()).appending(path: "mutated-sessions-\(process)")
    }

    @Test func noneOfTenThousandMutatedSessionsHarmsThePort() async throws {
        let progress = Self.progress(of: getpid())
        defer { try? FileManager.default.removeItem(at: progress) }
        let result = await #expect(processExitsWith: .success) {
            // What it has noted says more than the failure of an expectation that comes from another process.
            do { try MutatedSessions(Self.seeds, progress: Self.progress(of: getppid())).run() } catch { exit(1) }
        }
        guard result == nil else { return }
        let last = (try? String(contentsOf: progress, encoding: .utf8)) ?? "before it began"
        Issue.record("It ended at ENOKI_TEST_SEEDS=\(last)")
    }
}

/// Sends mutated sessions to one port after the other, a hundred to each.
private final class MutatedSessions {
    private static let sessionsOfABroker = 100
    private static let memoryLimit = 64 * 1024 * 1024

    private let seeds: ClosedRange<UInt64>
    private let progress: FileHandle

    init(_ seeds: ClosedRange<UInt64>, progress: URL) throws {
        self.seeds = seeds
        try Data().write(to: progress)
        self.progress = try FileHandle(forWritingTo: progress)
    }

    func run() throws {
        var loggedIn = 0
        var before: Int?
        var seed = self.seeds.lowerBound
        while seed <= self.seeds.upperBound {
            let last = min(seed + UInt64(Self.sessionsOfABroker) - 1, self.seeds.upperBound)
            loggedIn += try self.run(seed...last)
            // What a process takes once, the first sessions have taken.
            if before == nil { before = Self.residentMemory }
            seed = last + 1
        }
        let growth = before.flatMap { before in Self.residentMemory.map { $0 - before } } ?? 0
        try self.note("\(self.seeds): \(loggedIn) have logged in, and \(growth / 1024) kB are left")
        try #require(growth < Self.memoryLimit)
        // Sessions that do not get in test nothing but the login.
        try #require(loggedIn > self.seeds.count / 4)
    }

    /// Says where it is, for who looks when it has ended.
    private func note(_ text: String) throws {
        try self.progress.truncate(atOffset: 0)
        try self.progress.write(contentsOf: Data(text.utf8))
    }

    /// - Returns: How many of them have logged in.
    private func run(_ seeds: ClosedRange<UInt64>) throws -> Int {
        let broker = InProcessBroker(logger: TestBroker.silent)
        let loop = EmbeddedEventLoop()
        let empty = broker.holdings
        let client = try WellBehavedClient(broker, loop: loop)
        let before = broker.holdings
        var loggedIn = 0
        for seed in seeds {
            try self.note("\(seeds.lowerBound)-\(seed)")
            do {
                if try self.session(seed, broker, loop) { loggedIn += 1 }
                try #require(broker.holdings == before)
                if seed.isMultiple(of: 10) { try client.work() }
            } catch {
                try self.note("\(seeds.lowerBound)-\(seed): \(error)")
                throw error
            }
        }
        client.disconnect()
        try #require(broker.holdings == empty)
        return loggedIn
    }

    /// - Returns: Whether the login was good.
    private func session(_ seed: UInt64, _ broker: InProcessBroker, _ loop: EmbeddedEventLoop) throws -> Bool {
        var generator = SeededGenerator(seed: ~seed)
        let connections = broker.holdings.connections
        let client = try EmbeddedClient([broker], loop: loop)
        var answer = ByteBuffer()
        var hasBeenIn = false
        for write in SessionMutation(seed: seed).writes {
            if generator.index(below: 10) == 0 { client.setReads(generator.index(below: 2) == 0) }
            try client.send(write)
            answer.writeImmutableBuffer(try client.takeBytes())
            if broker.holdings.connections > connections { hasBeenIn = true }
            guard client.isConnected else { break }
        }
        client.setReads(true)
        answer.writeImmutableBuffer(try client.takeBytes())
        if client.isConnected, generator.index(below: 4) == 0 {
            // Who is neither in nor on its way out must be gone when all patience has ended.
            client.wait(.seconds(41))
            answer.writeImmutableBuffer(try client.takeBytes())
            try #require(!client.isConnected || broker.holdings.connections > connections)
        }
        client.disconnect()
        try #require(!client.isConnected)
        try #require(client.handler == nil, "the connection is over, and its handler still held")
        try Self.check(answer)
        return hasBeenIn
    }

    /// What the port sends is frames, or the protocol that it would have liked.
    private static func check(_ answer: ByteBuffer) throws {
        var answer = answer
        if answer.readableBytesView.starts(with: ProtocolHeader.answer) {
            try #require(answer.readableBytes == ProtocolHeader.answer.count)
            return
        }
        while let frame = try answer.readFrame(frameMax: 0) {
            try #require(frame.isWellFormed)
        }
        try #require(answer.readableBytes == 0)
    }

    /// In bytes; `nil` where the system does not tell.
    private static var residentMemory: Int? {
        guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return nil }
        return text.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 * 4096 }
    }
}

/// A client that publishes, gets what it has published, and settles it, on the port that others attack.
private final class WellBehavedClient {
    private let client: EmbeddedClient
    private var count: UInt64 = 0

    init(_ broker: InProcessBroker, loop: EmbeddedEventLoop) throws {
        self.client = try EmbeddedClient([broker], loop: loop)
        try self.client.logIn()
        var session = ClientSession()
        session.add(ClientSession.channelOpen, on: 1)
        session.add(.confirmSelect, on: 1)
        session.add(.queueDeclare(Queue("well-behaved", exclusive: true)), on: 1)
        session.add(.basicConsume("well-behaved", tag: "t"), on: 1)
        try self.client.send(session.pieces)
        try #require(try self.client.takeMethods() == ["20.11", "85.11", "50.11", "60.21"])
    }

    func work() throws {
        self.count += 1
        let publish = EnokiTestSupport.AMQPMethod.basicPublish(Message("\(self.count)"), to: "", key: "well-behaved")
        try self.client.send(ClientSession.frames(publish, on: 1))
        let frames = try self.client.takeFrames()
        try #require(Set(frames.filter { $0.kind == .method }.map(\.method)) == ["60.60", "60.80"])
        try #require(frames.contains { $0.kind == .body && $0.payload == ByteBuffer(string: "\(self.count)") })
        try self.client.send(ClientSession.frames(.basicAck(self.count), on: 1))
        try #require(try self.client.takeMethods().isEmpty)
    }

    func disconnect() { self.client.disconnect() }
}
