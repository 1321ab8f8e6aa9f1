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
    /// Those of them that hold a secret, most likely.
    let secrets: [String]
    /// Who may read the file that should not read a secret, and what to do; `nil` when nobody.
    var exposure: String?
    /// How somebody could put another file in its place, and what to do; `nil` when nobody could.
    var risk: String?

    /// Reads the file at `path`. A link is followed: what it leads to must be a regular file.
    ///
    /// - Throws: `ConfigurationError` for a file that is missing, unreadable, not regular, too large or not a YAML mapping, and for
    ///   one that everybody can change (``FileAccess``).
    init(path: String) throws {
        let (content, access) = try Self.read(path)
        try self.init(content: content, name: path)
        self.exposure = access.exposure
        self.risk = access.risk
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
        let settings = Self.settings(in: try? Yams.compose(yaml: String(decoding: bytes, as: UTF8.self)), below: "")
        self.names = settings.map(\.name)
        self.secrets = settings.filter { ConfidentialSettings.contains($0.name, $0.value) }.map(\.name)
        self.provider = TextProvider(name: name) { key in
            // A scalar asked for as a list is an error to the snapshot.
            let list = try? snapshot.value(forKey: key, type: .stringArray).value?.content
            if case .stringArray(let values) = list { return .list(values) }
            let scalar = try snapshot.value(forKey: key, type: .string).value?.content
            if case .string(let text) = scalar { return .scalar(text) }
            return nil
        }
    }

    /// All settings; of a list its elements, of a mapping nothing.
    private static func settings(in node: Node?, below prefix: String) -> [(name: String, value: String)] {
        guard case .mapping(let mapping)? = node else { return [] }
        return mapping.flatMap { key, value in
            let name = prefix + (key.string ?? "")
            let text = value.string ?? value.array().compactMap(\.string).joined(separator: ",")
            return [(name, text)] + Self.settings(in: value, below: "\(name).")
        }
    }

    private static func read(_ path: String) throws -> (content: [UInt8], access: FileAccess) {
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
        let access = FileAccess(path, descriptor)
        if let defect = access.defect { throw failure(defect) }
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
        return (Array(content.prefix(count)), access)
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
