import Configuration
import Enoki
import EnokiTestSupport
import Foundation
import Logging
import Testing

@testable import EnokiRunner

/// Who may change and who may read the file with the settings.
@Suite struct FileAccessTests {
    private typealias Entry = FileAccess.Entry

    /// Files by their permissions, from the root on; all belong to `owner`.
    private func way(_ permissions: UInt32..., owner: UInt32 = 1000) -> [Entry] {
        permissions.enumerated().map { Entry(path: "/\($0.offset)", owner: owner, permissions: $0.element) }
    }

    private func access(_ ways: [Entry]...) -> FileAccess { FileAccess(ways: ways, user: 1000) }

    // MARK: - Deciding

    @Test(arguments: [0o600, 0o640, 0o644, 0o660, 0o664, 0o400] as [UInt32])
    func aFileThatNotEverybodyCanWriteToIsRead(_ permissions: UInt32) {
        #expect(self.access(self.way(0o755, 0o775, permissions)).defect == nil)
    }

    @Test(arguments: [0o666, 0o602, 0o777, 0o646] as [UInt32])
    func aFileThatEverybodyCanWriteToIsRefused(_ permissions: UInt32) {
        let defect = self.access(self.way(0o755, permissions)).defect
        #expect(defect == "everybody may write to it, and so choose the broker: chmod o-w '/1'")
    }

    @Test func aFolderInWhichEverybodyCanReplaceItIsARisk() {
        let access = self.access(self.way(0o755, 0o777, 0o755, 0o600))
        #expect(access.risk == "everybody may put another file in its place: chmod o-w '/1'")
        #expect(access.defect == nil)
    }

    @Test func inAFolderLikeTmpItMustBeOnesOwn() {
        let folder = Entry(path: "/tmp", owner: 0, permissions: 0o1777)
        func file(of owner: UInt32) -> Entry { Entry(path: "/tmp/shop.yaml", owner: owner, permissions: 0o600) }
        #expect(self.access([folder, file(of: 1000)]).risk == nil)
        #expect(self.access([folder, file(of: 0)]).risk == nil)
        let access = self.access([folder, file(of: 1001)])
        #expect(access.defect == nil)
        #expect(
            access.risk
                == "'/tmp/shop.yaml' belongs to another user, and everybody may put files into '/tmp': move it to a folder "
                + "of yours"
        )
    }

    @Test func whatIsMountedToBeReadIsReadWhateverItsPermissionsSay() {
        let folder = Entry(path: "/config", owner: 0, permissions: 0o777, isReadOnly: true)
        let file = Entry(path: "/config/shop.yaml", owner: 0, permissions: 0o666, isReadOnly: true)
        let access = self.access([folder, file])
        #expect(access.defect == nil && access.risk == nil)
    }

    @Test func eachWayToTheFileCounts() {
        #expect(self.access(self.way(0o755, 0o777), self.way(0o755, 0o600)).defect != nil)
        #expect(self.access(self.way(0o755, 0o600), self.way(0o777, 0o600)).risk != nil)
    }

    @Test func aSecretIsForItsOwner() {
        let everybody = self.access(self.way(0o755, 0o644)).exposure
        #expect(everybody == "every user of the machine may read it: chmod o-r '/1'")
        #expect(self.access(self.way(0o755, 0o640)).exposure == "its group may read it: chmod g-r '/1'")
        #expect(self.access(self.way(0o755, 0o600)).exposure == nil)
        // root gives a file to a group by it.
        #expect(self.access([Entry(path: "/f", owner: 0, permissions: 0o640)]).exposure == nil)
        #expect(self.access([Entry(path: "/f", owner: 0, permissions: 0o644)]).exposure != nil)
    }

    // MARK: - Secrets

    @Test(arguments: [
        ("AMQP_URI", "amqp://shop:hunter2@host/"), ("AMQP_URI", "amqp://:hunter2@host"),
        ("db.url", "postgres://a:b@c/d"),
        ("payments.password", "hunter2"), ("API_TOKEN", "x"), ("stripe_api_key", "sk"), ("client.secret", "x"),
        ("AMQP_SERVER_USERS", "ada:hunter2"), ("AMQP_SERVER_USERS", "guest:guest,ada:hunter2"),
        ("AMQP_URI", "amqp://shop:p@ss@host/"),
    ])
    func whatIsASecret(_ name: String, _ value: String) {
        #expect(ConfidentialSettings.contains(name, value))
    }

    @Test(arguments: [
        ("AMQP_URI", "amqp://guest:guest@localhost/"), ("AMQP_URI", "amqp://host/"), ("max_workers", "10"),
        ("password", ""), ("token_file", "/run/secrets/token"), ("context_keys", "language"), ("partition_key", "sku"),
        ("AMQP_SERVER_USERS", "guest:guest"), ("mail", "ada@example.org"),
        ("docs", "https://host/users/me@example.org"),
    ])
    func whatIsNone(_ name: String, _ value: String) {
        #expect(!ConfidentialSettings.contains(name, value))
    }

    // MARK: - Files

    /// A folder of a test's own with a file that has a secret in it.
    private func withFile<Result>(
        _ permissions: Int = 0o600,
        folder folderPermissions: Int = 0o700,
        _ body: (_ file: String, _ folder: String) throws -> Result
    ) throws -> Result {
        let folder = FileManager.default.temporaryDirectory.appending(path: "enoki-\(UUID().uuidString)").path()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let file = "\(folder)/shop.yaml"
        try Data("AMQP_URI: amqp://shop:hunter2@host/\nmax_workers: 3\n".utf8).write(to: URL(filePath: file))
        #expect(chmod(file, mode_t(permissions)) == 0 && chmod(folder, mode_t(folderPermissions)) == 0)
        return try body(file, folder)
    }

    private func error(of path: String) -> String {
        do {
            _ = try ConfigurationFile(path: path)
            return "no error"
        } catch {
            return "\(error)"
        }
    }

    @Test func filesAreLookedAt() throws {
        try self.withFile(0o600) { file, _ in #expect(self.error(of: file) == "no error") }
        try self.withFile(0o602) { file, _ in #expect(self.error(of: file).contains("chmod o-w '\(file)'")) }
        try self.withFile(0o600, folder: 0o777) { file, folder in
            let risk = try ConfigurationFile(path: file).risk
            #expect(risk?.contains("another file in its place: chmod o-w '\(folder)'") == true)
        }
        try self.withFile(0o600, folder: 0o1777) { file, _ in #expect(self.error(of: file) == "no error") }
    }

    @Test func aLinkIsFollowedAndBothItsEndsAreLookedAt() throws {
        try self.withFile { file, _ in
            try self.withFile { _, folder in
                let link = "\(folder)/link.yaml"
                try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: file)
                #expect(self.error(of: link) == "no error")
                #expect(chmod(folder, 0o777) == 0)
                let risk = try ConfigurationFile(path: link).risk
                #expect(risk?.contains("another file in its place: chmod o-w '\(folder)'") == true)
                #expect(chmod(folder, 0o700) == 0 && chmod(file, 0o606) == 0)
                #expect(self.error(of: link).contains("everybody may write to it"))
            }
        }
    }

    @Test(arguments: ["", "more/..//./"]) func aFolderThatHoldsALinkToAFolderIsLookedAt(_ detour: String) throws {
        try self.withFile { _, target in
            try self.withFile { _, open in
                try self.withFile { _, first in
                    let files = FileManager.default
                    try files.createDirectory(atPath: "\(target)/more", withIntermediateDirectories: false)
                    // Each a link to a folder, the second one by a relative path.
                    try files.createSymbolicLink(atPath: "\(open)/folder", withDestinationPath: target)
                    let there = "../\(URL(filePath: open).lastPathComponent)/folder"
                    try files.createSymbolicLink(atPath: "\(first)/link", withDestinationPath: there)
                    let file = "\(first)/link/\(detour)shop.yaml"
                    #expect(try ConfigurationFile(path: file).risk == nil)
                    for folder in [first, open, target] {
                        #expect(chmod(folder, 0o777) == 0)
                        let risk = try ConfigurationFile(path: file).risk
                        #expect(risk?.contains("another file in its place: chmod o-w '\(folder)'") == true)
                        #expect(chmod(folder, 0o700) == 0)
                    }
                }
            }
        }
    }

    @Test func aLinkThatGoesRoundIsNotFollowedForEver() throws {
        try self.withFile { _, folder in
            try FileManager.default.createSymbolicLink(atPath: "\(folder)/a", withDestinationPath: "b")
            try FileManager.default.createSymbolicLink(atPath: "\(folder)/b", withDestinationPath: "a")
            #expect(self.error(of: "\(folder)/a").contains("\(folder)/a"))
            #expect(FileAccess("\(folder)/a", -1).ways.count == 41)
        }
    }

    @Test func aLinkThatLeadsToNoRegularFileIsRefused() throws {
        try self.withFile { _, folder in
            let link = "\(folder)/link.yaml"
            try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "/dev/zero")
            #expect(self.error(of: link).hasSuffix("it is not a regular file"))
        }
    }

    @Test func aSecretThatOthersMayReadIsSaidAndNotShown() throws {
        func warnings(_ permissions: Int) throws -> [LogRecorder.Entry] {
            try self.withFile(permissions) { file, _ in
                let log = LogRecorder()
                SettingSources(file: try ConfigurationFile(path: file)).warn(log.logger)
                return log.entries
            }
        }
        #expect(try warnings(0o600).isEmpty)
        let warning = try #require(try warnings(0o604).first)
        #expect(warning.level == .warning)
        #expect(
            warning.message.hasPrefix("the configuration file has secrets, and every user of the machine may read it")
        )
        #expect(warning.metadata["settings"] == #"["AMQP_URI"]"#)
        #expect(!"\(warning)".contains("hunter2"))
        let group = try #require(try warnings(0o640).first)
        #expect(group.message.contains("its group may read it: chmod g-r"))
    }

    @Test func aFileWithoutSecretsIsForEverybody() throws {
        try self.withFile(0o644) { file, _ in
            try Data("max_workers: 3\n".utf8).write(to: URL(filePath: file))
            let log = LogRecorder()
            SettingSources(file: try ConfigurationFile(path: file)).warn(log.logger)
            #expect(log.entries.isEmpty)
        }
    }

    // MARK: - Content

    /// nameko replaces them. Here they are text, so that nothing in the environment can become a setting by them.
    @Test func variablesInTheFileAreText() throws {
        let content = Array("a: ${HOME}\nb: ${B:${A}}\nmax_workers: ${N:7}\n".utf8)
        let reader = ConfigReader(provider: try ConfigurationFile(content: content, name: "f").provider)
        #expect(reader.string(forKey: "a") == "${HOME}")
        #expect(reader.string(forKey: "b") == "${B:${A}}")
        #expect(throws: ConfigurationError.self) { try reader.requiredInt(forKey: "max_workers") }
    }
}
