#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Who may change and who may read a file of settings; decides whether it can be used.
///
/// Whoever can write to it chooses the broker, and with it who gets the messages and the password. So it is refused where everybody can;
/// a group that may is taken for those who deploy. Where everybody can put another file in its place, that is said and no more: containers
/// mount such folders for themselves alone. So is a secret that everybody can read: it is out, and a service that does not start
/// helps nobody.
struct FileAccess: Sendable, Hashable {
    /// What the system says of a file or a folder.
    struct Entry: Sendable, Hashable {
        let path: String
        let owner: UInt32
        /// The permissions, as in `chmod`.
        let permissions: UInt32
        /// Whether it is on a file system that nobody can write to here, as Kubernetes and Docker mount settings.
        var isReadOnly = false

        /// Whether everybody can change it.
        fileprivate var isOpenToAll: Bool { self.permissions & 0o002 != 0 && !self.isReadOnly }
        /// Whether in that folder each may move only what is his.
        fileprivate var isSticky: Bool { self.permissions & 0o1000 != 0 }
    }

    /// The ways to the file, each from the root to the file itself; one for each name that it has on the way.
    let ways: [[Entry]]
    /// Who asks.
    let user: UInt32

    /// Why the file is not to be used, and what to do; `nil` when it may be.
    var defect: String? {
        for case let file? in self.ways.map(\.last) where file.isOpenToAll {
            return "everybody may write to it, and so choose the broker: chmod o-w '\(file.path)'"
        }
        return nil
    }

    /// How somebody else could put another file in its place, and what to do; `nil` when nobody could.
    var risk: String? {
        for way in self.ways {
            for (folder, entry) in zip(way, way.dropFirst()) where folder.isOpenToAll {
                guard folder.isSticky else {
                    return "everybody may put another file in its place: chmod o-w '\(folder.path)'"
                }
                guard entry.owner == self.user || entry.owner == 0 else {
                    return
                        "'\(entry.path)' belongs to another user, and everybody may put files into '\(folder.path)': "
                        + "move it to a folder of yours"
                }
            }
        }
        return nil
    }

    /// Who may read a secret in the file that should not, and what to do; `nil` when nobody. A file of another, such as root, may
    /// be meant for the group.
    var exposure: String? {
        guard let file = self.ways.last?.last else { return nil }
        if file.permissions & 0o004 != 0 { return "every user of the machine may read it: chmod o-r '\(file.path)'" }
        guard file.owner == self.user, file.permissions & 0o040 != 0 else { return nil }
        return "its group may read it: chmod g-r '\(file.path)'"
    }
}

extension FileAccess {
    /// Looks at the open file that `path` leads to. What cannot be looked at is left out.
    init(_ path: String, _ descriptor: Int32) {
        self.user = geteuid()
        let (links, target) = Self.links(on: path)
        var file: [Entry] = []
        var status = stat()
        var system = statvfs()
        if fstat(descriptor, &status) == 0, fstatvfs(descriptor, &system) == 0 {
            file = [Entry(target, status, system)]
        }
        self.ways = links.map { Self.folders(above: $0) + Self.entries([$0]) } + [Self.folders(above: target) + file]
    }

    /// The links that are followed on the way to a file, and where that is; each with no link above it.
    private static func links(on path: String) -> (links: [String], target: String) {
        var links: [String] = []
        var place = path.hasPrefix("/") ? [] : Self.parts(of: Self.resolved(".") ?? "")
        var rest = Self.parts(of: path)
        while let part = rest.first {
            rest.removeFirst()
            switch part {
            case ".": continue
            case "..": _ = place.popLast()
            default:
                let entry = Self.path(place + [part])
                guard links.count < Self.mostLinks, let target = Self.target(ofLink: entry) else {
                    place.append(part)
                    continue
                }
                links.append(entry)
                if target.hasPrefix("/") { place = [] }
                rest = Self.parts(of: target) + rest
            }
        }
        return (links, Self.path(place))
    }

    /// The system follows no more when it opens a file (`MAXSYMLINKS` of Linux).
    private static let mostLinks = 40

    private static func parts(of path: String) -> [String] { path.split(separator: "/").map(String.init) }

    private static func path(_ parts: [String]) -> String { "/" + parts.joined(separator: "/") }

    /// Where a link leads; `nil` for what is none.
    private static func target(ofLink path: String) -> String? {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(path, &buffer, buffer.count)
        return count > 0 ? String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self) : nil
    }

    private static func folders(above path: String) -> [Entry] {
        let parts = Self.parts(of: path).dropLast()
        return Self.entries(["/"] + parts.indices.map { Self.path(Array(parts[...$0])) })
    }

    private static func entries(_ paths: [String]) -> [Entry] {
        paths.compactMap { path in
            var status = stat()
            var system = statvfs()
            guard lstat(path, &status) == 0, statvfs(path, &system) == 0 else { return nil }
            var entry = Entry(path, status, system)
            // Nobody writes to a link, whatever its permissions say.
            if status.st_mode & S_IFMT == S_IFLNK { entry.isReadOnly = true }
            return entry
        }
    }

    /// The path without links, where there is one.
    private static func resolved(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}

extension FileAccess.Entry {
    fileprivate init(_ path: String, _ status: stat, _ system: statvfs) {
        self.init(
            path: path,
            owner: status.st_uid,
            permissions: UInt32(status.st_mode) & 0o7777,
            isReadOnly: UInt(system.f_flag) & UInt(ST_RDONLY) != 0
        )
    }
}
