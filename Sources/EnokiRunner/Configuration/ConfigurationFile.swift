import Configuration
import Enoki
import Yams

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A YAML file with the settings of a process.
///
/// Its errors name the file, and the line where the parser tells one, but never a piece of the content: a path given by
/// mistake may be that of a file full of secrets.
struct ConfigurationFile {
    /// The largest file that is read, in bytes.
    static let maximumSize = 1 << 20

    /// What the file is called.
    let name: String
    /// The settings, keys as in the file, nested ones joined by dots.
    let provider: TextProvider
    /// The names of the settings, in the order of the file.
    let names: [String]

    /// Reads the file at `path`.
    ///
    /// - Throws: `ConfigurationError` for a file that is missing, unreadable, not regular, too large or not a YAML mapping.
    init(path: String) throws {
        try self.init(content: Self.read(path), name: path)
    }

    /// Understands `content` as the YAML of a file called `name`.
    init(content: [UInt8], name: String) throws {
        if let problem = YAMLShape.problem(in: content) {
            throw ConfigurationError("the configuration file \(name) cannot be used: \(problem)")
        }
        let snapshot: YAMLSnapshot
        // A file of comments alone is no mapping, and no mistake either.
        let bytes = YAMLShape.isBlank(content) ? Array("{}".utf8) : content
        do {
            snapshot = try bytes.withUnsafeBytes { bytes in
                try YAMLSnapshot(data: bytes.bytes, providerName: name, parsingOptions: .default)
            }
        } catch {
            throw ConfigurationError("the configuration file \(name) cannot be used: \(Self.explain(error))")
        }
        self.name = name
        self.names = Self.names(in: try? Yams.compose(yaml: String(decoding: bytes, as: UTF8.self)), below: "")
        self.provider = TextProvider(name: name) { key in
            // A scalar asked for as a list is an error to the snapshot.
            let list = try? snapshot.value(forKey: key, type: .stringArray).value?.content
            if case .stringArray(let values) = list { return .list(values) }
            let scalar = try snapshot.value(forKey: key, type: .string).value?.content
            if case .string(let text) = scalar { return .scalar(text) }
            return nil
        }
    }

    private static func names(in node: Node?, below prefix: String) -> [String] {
        guard case .mapping(let mapping)? = node else { return [] }
        return mapping.flatMap { key, value in
            let name = prefix + (key.string ?? "")
            return [name] + Self.names(in: value, below: "\(name).")
        }
    }

    private static func read(_ path: String) throws -> [UInt8] {
        func failure(_ reason: String) -> ConfigurationError {
            ConfigurationError("the configuration file \(path) cannot be used: \(reason)")
        }
        // Opening a FIFO would wait for its writer without O_NONBLOCK.
        let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(String(cString: strerror(errno))) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw failure("it is not a regular file")
        }
        // One byte more than allowed tells a file that is too large, even one that grows meanwhile.
        var content = [UInt8](repeating: 0, count: Self.maximumSize + 1)
        var count = 0
        while count < content.count {
            let received = content.withUnsafeMutableBytes { bytes in
                #if canImport(Glibc)
                Glibc.read(descriptor, bytes.baseAddress?.advanced(by: count), bytes.count - count)
                #elseif canImport(Musl)
                Musl.read(descriptor, bytes.baseAddress?.advanced(by: count), bytes.count - count)
                #else
                Darwin.read(descriptor, bytes.baseAddress?.advanced(by: count), bytes.count - count)
                #endif
            }
            if received < 0, errno == EINTR { continue }
            guard received >= 0 else { throw failure(String(cString: strerror(errno))) }
            guard received > 0 else { break }
            count += received
        }
        guard count <= Self.maximumSize else { throw failure("it is larger than \(Self.maximumSize) bytes") }
        return Array(content.prefix(count))
    }

    /// Where the YAML is wrong, without quoting it.
    private static func explain(_ error: any Error) -> String {
        guard let error = error as? YamlError else {
            return "it is not a mapping of keys to values, lists and mappings"
        }
        return switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            "line \(mark.line), column \(mark.column) is not valid YAML (\(problem))"
        case .duplicatedKeysInMapping(_, let context):
            "a key is there twice in the mapping that begins in line \(context.mark.line)"
        default: "it is not valid YAML"
        }
    }
}
