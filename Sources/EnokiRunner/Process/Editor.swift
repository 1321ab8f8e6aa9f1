#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The editor of whoever sits at the terminal: `VISUAL`, `EDITOR`, or `vi`.
struct Editor: Sendable {
    /// The command as a shell reads it, such as `code --wait`.
    let command: String

    /// The editor that the environment names.
    init(environment: [String: String]) {
        let named = ["VISUAL", "EDITOR"].compactMap { environment[$0] }.first { !$0.isEmpty }
        self.command = named ?? "vi"
    }

    /// Why a text could not be edited.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// Opens `text` in the editor and returns what it was made to.
    ///
    /// The file is for its owner alone; it is removed where `isAcceptable` holds for its new contents. Otherwise it stays, so that
    /// no work is lost.
    ///
    /// - Throws: ``Failure``, with the path of a file that stays.
    func edit(_ text: [UInt8], isAcceptable: ([UInt8]) throws -> Void) async throws -> [UInt8] {
        let path = try Self.makeFile(text)
        let command = self.command
        let status = await blockingCall { Self.run(command, path) }
        guard status == 0 else {
            unlink(path)
            throw Failure(description: "the editor '\(command)' ended with \(status): nothing was done")
        }
        let edited = try TextFile.read(path)
        do {
            try isAcceptable(edited)
        } catch {
            throw Failure(description: "\(error); what you wrote is in \(path)")
        }
        unlink(path)
        return edited
    }

    private static func makeFile(_ bytes: [UInt8]) throws -> String {
        var template = Array("\(Self.folder)/enoki-dead-letter-XXXXXX".utf8CString)
        // Created for its owner alone.
        let descriptor = mkstemp(&template)
        guard descriptor >= 0 else {
            throw Failure(description: "no file can be made in \(Self.folder) (errno \(errno))")
        }
        defer { close(descriptor) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                throw Failure(description: "a file in \(Self.folder) cannot be written (errno \(errno))")
            }
            rest = rest.dropFirst(count)
        }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static var folder: String {
        getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    }

    /// Runs the editor at this terminal, with the signals as a program finds them; returns its status.
    private static func run(_ command: String, _ path: String) -> Int32 {
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        // The threads of a pool block signals, and a program of Enoki's ignores SIGPIPE.
        posix_spawnattr_setsigmask(&attributes, &signals)
        for signal in [SIGPIPE, SIGINT, SIGQUIT] { sigaddset(&signals, signal) }
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

        let words: [String] = ["sh", "-c", "\(command) \"$1\"", "sh", path]
        let arguments = words.map { strdup($0) }
        defer { for argument in arguments { free(argument) } }
        var process = pid_t()
        guard posix_spawn(&process, "/bin/sh", nil, &attributes, arguments + [nil], environ) == 0 else { return 127 }
        // Ctrl-C in the editor is for the editor.
        let former = signal(SIGINT, SIG_IGN)
        defer { signal(SIGINT, former) }
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0 { guard errno == EINTR else { return 127 } }
        // As the shell counts: 128 and the signal.
        return status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f)
    }
}

/// A file that is read as a whole.
enum TextFile {
    /// The bytes of the file at `path`; `-` is the standard input.
    static func read(_ path: String) throws -> [UInt8] {
        let descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw UsageError("'\(path)' cannot be read: \(String(cString: strerror(errno)))") }
        defer { if descriptor != STDIN_FILENO { close(descriptor) } }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            #if canImport(Glibc)
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            #elseif canImport(Musl)
            let count = Musl.read(descriptor, &buffer, buffer.count)
            #else
            let count = Darwin.read(descriptor, &buffer, buffer.count)
            #endif
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw UsageError("'\(path)' cannot be read: \(String(cString: strerror(errno)))") }
            guard count > 0 else { return bytes }
            bytes += buffer[..<count]
        }
    }
}
