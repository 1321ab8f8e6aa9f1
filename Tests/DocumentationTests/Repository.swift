import Foundation

/// The files of this repository, as they were when the tests were compiled.
struct Repository {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// The documents, as paths.
    var documents: [String] {
        ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"] + files("Docs", ".md") + files("Sources", ".md")
    }

    func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: root.appending(path: path).path()) }

    func text(_ path: String) throws -> String { try String(contentsOf: root.appending(path: path), encoding: .utf8) }

    /// The paths of the files in `folder`, at any depth, whose names end with `suffix`.
    func files(_ folder: String, _ suffix: String) -> [String] {
        let found = FileManager.default.enumerator(atPath: root.appending(path: folder).path())
        return (found?.allObjects as? [String] ?? []).filter { $0.hasSuffix(suffix) }.map { "\(folder)/\($0)" }.sorted()
    }
}
