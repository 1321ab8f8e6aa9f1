import EnokiTestSupport
import Foundation

/// The wall clock of processes that are started with its ``environment``: it can be moved while they run, and no other clock is.
struct WallClock: Sendable {
    private let library: String
    private let file: String

    /// There is no C compiler, or it does not like the source.
    struct NotCompiled: Error, CustomStringConvertible {
        let description: String
    }

    /// Compiles what is to be preloaded, in `folder`.
    init(folder: String) async throws {
        self.library = "\(folder)/wall-clock.so"
        self.file = "\(folder)/wall-clock"
        let source = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "WallClock/wall-clock.c").path()
        let compile = ["cc", "-O1", "-shared", "-fPIC", "-o", self.library, source]
        try await ChildProcess.with("/usr/bin/env", compile) { child in
            guard try await child.ended(within: .seconds(60)) == .status(0) else {
                throw NotCompiled(description: "\(source) was not compiled: \(child.output)\(child.errors)")
            }
        }
        try Data(count: 8).write(to: URL(filePath: self.file))
    }

    /// What makes it the clock of a process.
    var environment: [String: String] { ["LD_PRELOAD": self.library, "ENOKI_WALL_CLOCK": self.file] }

    /// Sets it so many seconds before or behind the right time, at once.
    func set(_ seconds: Int) throws {
        let handle = try FileHandle(forWritingTo: URL(filePath: self.file))
        defer { try? handle.close() }
        // In place: the processes look at these octets themselves.
        try withUnsafeBytes(of: Int64(seconds)) { try handle.write(contentsOf: Data($0)) }
    }
}
