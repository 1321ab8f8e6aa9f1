#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A file that its user alone may read and write.
enum PrivateFile {
    /// Makes it, unless it is there. SQLite would make it readable by all, and gives its other files the rights of this one.
    ///
    /// - Returns: The reason where that was not possible.
    static func make(at path: String) -> String? {
        let file = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0o600)
        // Nobody can have it open yet: closing a file that SQLite has open would drop its locks.
        if file >= 0 { return close(file) == 0 ? nil : String(cString: strerror(errno)) }
        switch errno {
        case EEXIST: return nil
        case ENOENT: return "the folder '\(Self.folder(of: path))' does not exist: make it first"
        default: return String(cString: strerror(errno))
        }
    }

    private static func folder(of path: String) -> Substring {
        path.lastIndex(of: "/").map { path[...$0] } ?? "."
    }
}
