import ChaosLedger
import EnokiBroker
import EnokiTestSupport
import Foundation

/// A process of the program `chaos-worker`, and how it ended.
final class WorkerProcess: Sendable {
    /// How a process ended, and when.
    struct End: Sendable, Hashable {
        let reason: ChildProcess.Exit
        let time: Instant
    }

    /// The file of its standard error, where its log is.
    let log: String
    private let process: Process
    private let ending = Locked<End?>(nil)

    /// Starts it.
    ///
    /// - Parameters:
    ///   - arguments: Its command line.
    ///   - uri: The broker.
    ///   - log: The file for its standard error; appended to.
    init(_ executable: String, _ arguments: [String], uri: String, log: String) throws {
        self.log = log
        self.process = Process()
        self.process.executableURL = URL(filePath: executable)
        self.process.arguments = arguments
        self.process.environment = ProcessInfo.processInfo.environment.merging(["AMQP_URI": uri]) { $1 }
        if !FileManager.default.fileExists(atPath: log) { try Data().write(to: URL(filePath: log)) }
        let file = try FileHandle(forWritingTo: URL(filePath: log))
        try file.seekToEnd()
        self.process.standardInput = FileHandle.nullDevice
        self.process.standardOutput = FileHandle.nullDevice
        self.process.standardError = file
        self.process.terminationHandler = { [ending] process in
            let status = process.terminationStatus
            let reason: ChildProcess.Exit = process.terminationReason == .exit ? .status(status) : .signal(status)
            ending.withLock { $0 = End(reason: reason, time: .now) }
        }
        try self.process.run()
        try file.close()
    }

    var id: Int32 { self.process.processIdentifier }

    /// How it ended, if it has.
    var end: End? { self.ending.withLock { $0 } }

    /// Sends it a signal, unless it has ended.
    func send(_ signal: Int32) { if self.end == nil { kill(self.id, signal) } }

    /// Waits until it has ended.
    @discardableResult
    func ended(within limit: Duration = .seconds(30)) async throws -> End {
        let end = try await eventually("process \(self.id) has ended; its log is \(self.log)", within: limit) {
            self.end
        } until: {
            $0 != nil
        }
        guard let end else { throw CancellationError() }
        return end
    }

    /// The resident memory in bytes, from /proc; `nil` when it has ended.
    var residentMemory: Int? {
        guard let text = try? String(contentsOfFile: "/proc/\(self.id)/statm", encoding: .utf8),
            let pages = text.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
        else { return nil }
        return pages * 4096
    }
}
