import Foundation

/// The programs of this package, as they were built together with the tests.
public enum BuiltExecutable {
    /// The path of the program of that name; it lies beside the tests' own executable.
    public static func path(_ name: String) -> String {
        let tests = ProcessInfo.processInfo.arguments.first ?? ""
        return URL(filePath: tests).deletingLastPathComponent().appending(path: name).path()
    }
}
