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
    ///   - environment: Its environment variables, besides the driver's own.
    ///   - log: The file for its standard error; appended to.
    init(_ executable: String, _ arguments: [String], environment: [String: String], log: String) throws {
        self.log = log
        self.process = Process()
        self.process.executableURL = URL(filePath: executable)
        self.process.arguments = arguments
        self.process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        if !FileManager.default.fileExists(atPath: log) { try Data().write(to: URL(filePath: log)) }
        let file = try FileHandle(forWritingTo: URL(filePath: log))
        try file.seekToEnd()
        self.process.standardInput = FileHandle.nullDevice
        self.process.standardOutput = FileHandle.nullDevice
        self.process.standardError = file
        self.process.terminationHandler = { [ending] process in
            let status = process.terminationStatus
            let reason: ChildProcess.Exit = process.terminationReason == .exit ? .status(status) : .signal(status)
            ending.withLock { $0 = $0 ?? End(reason: reason, time: .now) }
        }
        try self.process.run()
        try file.close()
    }

    var id: Int32 { self.process.processIdentifier }

    /// How it ended, if it has.
    var end: End? {
        self.ending.withLock { ending in
            ending = ending ?? self.process.exit.map { End(reason: $0, time: .now) }
            return ending
        }
    }

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

    /// The processor time that it has used, from /proc; `nil` when it has ended.
    var processorTime: Duration? {
        guard let text = try? String(contentsOfFile: "/proc/\(self.id)/stat", encoding: .utf8),
            // Behind the program's name, which may have anything in it.
            let fields = text.lastIndex(of: ")").map({ text[$0...].split(separator: " ") }), fields.count > 13,
            let user = Int(fields[12]), let system = Int(fields[13])
        else { return nil }
        return .seconds(user + system) / sysconf(Int32(_SC_CLK_TCK))
    }

    /// Lets it open no descriptor whose number is `limit` or more; those that are open stay so.
    func limitDescriptors(to limit: Int) async throws {
        // Glibc's prlimit(2) is hidden from Swift.
        try await ChildProcess.with("/usr/bin/env", ["prlimit", "--pid", "\(self.id)", "--nofile=\(limit):"]) { child in
            guard try await child.ended() == .status(0) else { throw POSIXError(.EPERM) }
        }
    }

    /// What it holds of the system now; `nil` when it has ended.
    var footprint: Footprint? {
        let folder = "/proc/\(self.id)"
        guard let memory = self.residentMemory,
            let descriptors = try? FileManager.default.contentsOfDirectory(atPath: folder + "/fd").count,
            let threads = try? FileManager.default.contentsOfDirectory(atPath: folder + "/task").count
        else { return nil }
        return Footprint(memory: memory, descriptors: descriptors, threads: threads)
    }

    /// The resident memory in bytes, from /proc; `nil` when it has ended.
    var residentMemory: Int? {
        guard let text = try? String(contentsOfFile: "/proc/\(self.id)/statm", encoding: .utf8),
            let pages = text.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
        else { return nil }
        return pages * 4096
    }
}
