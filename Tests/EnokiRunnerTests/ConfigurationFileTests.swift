import Configuration
import Enoki
import Foundation
import Testing

@testable import EnokiRunner

@Suite struct ConfigurationFileTests {
    private func error(of content: String) -> String {
        do {
            _ = try ConfigurationFile(content: Array(content.utf8), name: "shop.yaml")
            return "no error"
        } catch {
            return "\(error)"
        }
    }

    private func file<Result>(_ content: Data, _ body: (String) throws -> Result) throws -> Result {
        let url = FileManager.default.temporaryDirectory.appending(path: "enoki-\(UUID().uuidString).yaml")
        try content.write(to: url)
        defer { try? FileManager.default.removeItem(at: url) }
        return try body(url.path())
    }

    @Test func readsScalarsListsAndNestedKeys() throws {
        let content = """
            # a comment
            AMQP_URI: amqp://guest:guest@localhost/
            max_workers: 7
            payments:
              currency: EUR
              methods: [card, cash]
            """
        let reader = try file(Data(content.utf8)) { ConfigReader(provider: try ConfigurationFile(path: $0).provider) }
        #expect(reader.string(forKey: "AMQP_URI") == "amqp://guest:guest@localhost/")
        #expect(reader.int(forKey: "max_workers") == 7)
        #expect(reader.string(forKey: "payments.currency") == "EUR")
        #expect(reader.stringArray(forKey: "payments.methods") == ["card", "cash"])
        #expect(reader.string(forKey: "absent") == nil)
    }

    @Test(arguments: ["", "\n\n", "# nothing\n  # at all\r\n"])
    func aFileWithoutSettingsIsFine(_ content: String) throws {
        let reader = ConfigReader(provider: try ConfigurationFile(content: Array(content.utf8), name: "f").provider)
        #expect(reader.string(forKey: "max_workers") == nil)
    }

    @Test func errorsSayWhereAndQuoteNothing() {
        let broken = error(of: "password: hunter2\ntoken: [hunter2\nuser: hunter2")
        #expect(broken.hasPrefix("the configuration file shop.yaml cannot be used: line "))
        #expect(!broken.contains("hunter2"))
    }

    @Test(arguments: [
        ("hunter2", "it is not a mapping"), ("- hunter2", "it is not a mapping"),
        ("a: hunter2\na: hunter2", "a key is there twice in the mapping that begins in line 1"),
        ("a: 'hunter2", "is not valid YAML"), ("a: [{b: hunter2}]", "it is not a mapping of keys"),
        ("a: &x hunter2\nb: *x", "it uses YAML aliases"), ("? [hunter2, b]\n: c", "it is not a mapping of keys"),
        ("root:x:0:0:hunter2:/root:/bin/bash\nbin:x:1:1", "the configuration file shop.yaml cannot be used"),
    ])
    func unusableContentIsAnErrorWithoutAQuote(_ content: String, _ expected: String) {
        #expect(error(of: content).contains(expected))
        #expect(!error(of: content).contains("hunter2"))
    }

    @Test(arguments: [
        String(repeating: "[", count: 100_000), "a: " + String(repeating: "{a: ", count: 50_000),
        String(repeating: "- ", count: 100_000) + "a", String(repeating: "? ", count: 100_000),
        (0..<1_400).map { String(repeating: " ", count: $0) + "a:" }.joined(separator: "\n"),
    ])
    func deepNestingIsRefusedBeforeItIsParsed(_ content: String) {
        #expect(error(of: content).contains("nested more than 100 levels deep"))
    }

    @Test func aliasBombsAreRefused() {
        var bomb = "a0: &a0 {x: 1}\n"
        for level in 1..<30 { bomb += "a\(level): &a\(level) {x: *a\(level - 1), y: *a\(level - 1)}\n" }
        #expect(error(of: bomb).contains("aliases"))
    }

    @Test func aStarThatIsNoAliasIsText() throws {
        let content = Array("schedule: '0 * * * *'\nevents: order.*\nname: R&D\n".utf8)
        let reader = ConfigReader(provider: try ConfigurationFile(content: content, name: "f").provider)
        #expect(reader.string(forKey: "events") == "order.*")
    }

    @Test func bytesThatAreNotUTF8AreRefused() {
        #expect(throws: ConfigurationError("the configuration file f cannot be used: it is not UTF-8")) {
            try ConfigurationFile(content: [0x61, 0x3A, 0x20, 0xFF], name: "f")
        }
    }

    @Test func aFileMayHaveAMebibyteAndNoMore() throws {
        let size = ConfigurationFile.maximumSize
        let comment = Data("#".utf8) + Data(repeating: UInt8(ascii: "x"), count: size - 1)
        try file(comment) { _ = try ConfigurationFile(path: $0) }
        try file(comment + Data("x".utf8)) { path in
            let error = #expect(throws: ConfigurationError.self) { try ConfigurationFile(path: path) }
            #expect(error?.message == "the configuration file \(path) cannot be used: it is larger than \(size) bytes")
        }
    }

    @Test(arguments: ["/", "/dev/zero", "/dev/null"])
    func onlyRegularFilesAreRead(_ path: String) {
        #expect(throws: ConfigurationError("the configuration file \(path) cannot be used: it is not a regular file")) {
            try ConfigurationFile(path: path)
        }
    }

    @Test func aNamedPipeIsRefusedWithoutWaitingForItsWriter() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "enoki-\(UUID().uuidString).fifo").path()
        #expect(mkfifo(path, 0o600) == 0)
        defer { unlink(path) }
        #expect(throws: ConfigurationError.self) { try ConfigurationFile(path: path) }
    }
}
