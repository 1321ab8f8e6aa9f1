import EnokiBroker
public import Foundation

/// A process that a test started and that ends with it.
public final class ChildProcess: Sendable {
    /// How a process ended.
    public enum Exit: Sendable, Hashable {
        /// By itself, with that status.
        case status(Int32)
        /// By that signal.
        case signal(Int32)
    }

    private let process: Process
    private let folder: URL
    /// Stays open as long as this process lives: a child that heeds it does not outlive a crash.
    private let input = Pipe()
    private let collected = Locked<Exit?>(nil)

    private init(
        _ executable: String,
        _ arguments: [String],
        environment: [String: String],
        directory: String?
    ) throws {
        self.folder = FileManager.default.temporaryDirectory.appending(path: "enoki-child-\(UUID().uuidString)")
        self.process = Process()
        try FileManager.default.createDirectory(at: self.folder, withIntermediateDirectories: true)
        self.process.executableURL = URL(filePath: executable)
        self.process.arguments = arguments
        self.process.environment = ProcessInfo.processInfo.environment.merging(environment) { _, new in new }
        if let directory { self.process.currentDirectoryURL = URL(filePath: directory) }
        self.process.standardInput = self.input
        let files = try (output: self.file("output"), errors: self.file("errors"))
        // Foundation keeps a process and all that it was given for ever. With some 1,350 open descriptors the next `run()` reads beyond a
        // buffer that has their names.
        defer { for file in [files.output, files.errors] { try? file.close() } }
        self.process.standardOutput = files.output
        self.process.standardError = files.errors
        self.process.terminationHandler = { [collected] process in
            let end = process.terminationStatus
            collected.withLock { $0 = process.terminationReason == .exit ? .status(end) : .signal(end) }
        }
        try self.process.run()
    }

    /// Starts a process, runs `body` and stops the process: with `stopSignal`, and after `patience` with
    /// SIGKILL.
    ///
    /// - Parameters:
    ///   - environment: What it gets besides the environment of this process.
    ///   - directory: Where it starts; by default where this process is.
    public static func with<Result>(
        _ executable: String,
        _ arguments: [String] = [],
        environment: [String: String] = [:],
        directory: String? = nil,
        stopSignal: Int32 = SIGTERM,
        patience: Duration = .seconds(10),
        _ body: (ChildProcess) async throws -> Result
    ) async throws -> Result {
        let child = try ChildProcess(executable, arguments, environment: environment, directory: directory)
        let result: Result
        do {
            result = try await body(child)
        } catch {
            await child.stop(by: stopSignal, patience: patience)
            throw error
        }
        await child.stop(by: stopSignal, patience: patience)
        return result
    }

    /// Its process id.
    public var id: Int32 { self.process.processIdentifier }

    /// Whether it has ended.
    public var hasEnded: Bool { self.exit != nil }

    /// How it has ended, if it has.
    private var exit: Exit? {
        // What Foundation is just collecting is told by either the one or the other, and in between by none.
        self.collected.withLock { $0 } ?? self.process.exit
    }

    /// What it has written to its standard output so far.
    public var output: String { self.contents("output") }

    /// What it has written to its standard error so far.
    public var errors: String { self.contents("errors") }

    /// Sends it a signal, unless it has ended.
    public func send(signal: Int32) {
        if !self.hasEnded { kill(self.id, signal) }
    }

    /// Writes `text` to its standard input.
    public func write(_ text: String) throws { try self.input.fileHandleForWriting.write(contentsOf: Data(text.utf8)) }

    /// Closes its standard input: a way to end a shell script, which gets none of the signals that were blocked on the
    /// thread that started it.
    public func closeInput() { try? self.input.fileHandleForWriting.close() }

    /// Waits until it has ended by itself.
    ///
    /// - Throws: ``ConditionNotMet``, with what it wrote.
    @discardableResult
    public func ended(within limit: Duration = .seconds(30)) async throws -> Exit {
        let observed = try await eventually("process \(self.id) ended", within: limit) {
            Observation(exit: self.exit, child: self)
        } until: {
            $0.exit != nil
        }
        return observed.exit ?? .status(0)
    }

    /// The exit, described by what the process wrote.
    private struct Observation: CustomStringConvertible {
        let exit: Exit?
        let child: ChildProcess
        var description: String { "it runs; output: \(self.child.output)\nerrors: \(self.child.errors)" }
    }

    private func stop(by signal: Int32, patience: Duration) async {
        // Detached from the test's cancellation: the process must be gone when this returns.
        await Task.immediate {
            self.send(signal: signal)
            do {
                try await self.ended(within: patience)
            } catch {
                self.send(signal: SIGKILL)
                _ = try? await self.ended()
            }
        }.value
        for end in [self.input.fileHandleForReading, self.input.fileHandleForWriting] { try? end.close() }
        try? FileManager.default.removeItem(at: self.folder)
    }

    private func file(_ name: String) throws -> FileHandle {
        let url = self.folder.appending(path: name)
        try Data().write(to: url)
        return try FileHandle(forWritingTo: url)
    }

    private func contents(_ name: String) -> String {
        let data = try? Data(contentsOf: self.folder.appending(path: name))
        return String(decoding: data ?? Data(), as: UTF8.self)
    }
}
