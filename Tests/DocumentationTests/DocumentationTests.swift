import EnokiTestSupport
import Foundation
import Testing

/// README.md and Docs say what is the case: their Swift compiles, and what they name exists.
@Suite struct DocumentationTests {
    let repository = Repository()

    @Test func everySnippetIsCompiledCode() throws {
        let code = try compiledFiles()
        for (document, markdown) in try documents() {
            #expect(!markdown.isCutOff, "\(document): the last block has no end")
            for block in markdown.blocks where block.language == "swift" && !isManifest(block) {
                #expect(code.contains { occurs(block.lines, in: $0) }, "\(document):\(block.line) is no compiled code")
            }
        }
    }

    /// What the guide shows of the sample in two languages is what `PolyglotTests` run.
    @Test func everySnippetOfTheSampleInTwoLanguagesIsRun() throws {
        let code = try repository.files("Samples/Polyglot/tests", ".py").map { try lines(of: $0) }
        let blocks = Markdown(try repository.text("Docs/TestingOtherLanguages.md")).blocks.filter {
            $0.language == "python"
        }
        #expect(!blocks.isEmpty)
        for block in blocks {
            #expect(code.contains { occurs(block.lines, in: $0) }, "line \(block.line) stands in no file of the sample")
        }
    }

    /// A manifest is compiled by the package manager.
    @Test func everyManifestUsesProductsThatExist() async throws {
        let products = try repository.text("Package.swift").matches(of: /\.library\(name: "(\w+)"/).map { String($0.1) }
        var count = 0
        for (_, markdown) in try documents() {
            for block in markdown.blocks where isManifest(block) {
                count += 1
                for product in block.text.matches(of: /\.product\(name: "(\w+)", package: "enoki"\)/) {
                    #expect(products.contains(String(product.1)))
                }
                try await compile(manifest: block.text)
            }
        }
        #expect(count > 0)
    }

    @Test func everyLinkLeadsSomewhere() throws {
        for (document, markdown) in try documents() {
            for link in markdown.links where !link.text.contains("://") {
                let parts = link.text.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
                let folder = document.split(separator: "/").dropLast().joined(separator: "/")
                let path = parts[0].isEmpty ? document : folder.isEmpty ? String(parts[0]) : "\(folder)/\(parts[0])"
                #expect(repository.exists(path), "\(document):\(link.line) links to \(path)")
                if parts.count == 2, repository.exists(path) {
                    let anchors = Markdown(try repository.text(path)).anchors
                    #expect(anchors.contains(String(parts[1])), "\(document):\(link.line) links to \(link.text)")
                }
            }
        }
    }

    @Test func everyFileThatIsNamedExists() throws {
        for (document, markdown) in try documents() {
            for span in markdown.codeSpans {
                guard
                    let path = span.text.wholeMatch(
                        of: /((Sources|Tests|Samples|Docs|Scripts|Benchmarks|\.ci)\/[\w+.\/-]+)/
                    )
                else { continue }
                #expect(repository.exists(place(of: String(path.1))), "\(document):\(span.line) names \(path.1)")
            }
        }
    }

    /// Tests are named as `File.function`.
    @Test func everyTestThatIsNamedExists() throws {
        let tests = repository.files("Tests", ".swift")
        for (document, markdown) in try documents() {
            for span in markdown.codeSpans {
                guard let name = span.text.wholeMatch(of: /(\w+(?:Tests|Cases))\.(\w+)/) else { continue }
                let files = tests.filter { $0.hasSuffix("/\(name.1).swift") }
                let isThere = try files.contains { try repository.text($0).contains("func \(name.2)(") }
                #expect(isThere, "\(document):\(span.line) names the test \(span.text)")
            }
        }
    }

    // MARK: -

    /// Where the files are kept that Getting started lets its reader make.
    private func place(of path: String) -> String {
        path.replacing("Sources/greetings/", with: "Samples/Greetings/")
            .replacing("Tests/GreetingsTests/", with: "Tests/DocumentationTests/")
    }

    private func documents() throws -> [(String, Markdown)] {
        try repository.documents.map { ($0, Markdown(try repository.text($0))) }
    }

    /// The lines of the files that documents quote, and of their manifests.
    private func compiledFiles() throws -> [[String]] {
        let files = repository.files("Samples", ".swift") + repository.files("Tests/DocumentationTests", ".swift")
        return try files.map { try lines(of: $0) }
            + documents().flatMap { $0.1.blocks.filter(isManifest).map(\.lines) }
    }

    private func lines(of file: String) throws -> [String] {
        try repository.text(file).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    private func isManifest(_ block: Markdown.Block) -> Bool { block.text.hasPrefix("// swift-tools-version") }

    private func compile(manifest: String) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "enoki-manifest-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try Data(manifest.utf8).write(to: folder.appending(path: "Package.swift"))
        let arguments = ["swift", "package", "--package-path", folder.path(), "dump-package"]
        try await ChildProcess.with("/usr/bin/env", arguments) { child in
            let exit = try await child.ended(within: .seconds(120))
            #expect(exit == .status(0), "\(child.errors)")
        }
    }
}

/// Whether `lines`, which have no common indentation, stand in `code` one after another, at any one indentation.
private func occurs(_ lines: [String], in code: [String]) -> Bool {
    guard !lines.isEmpty, lines.count <= code.count else { return false }
    return (0...code.count - lines.count).contains { start in
        outdented(Array(code[start..<start + lines.count])) == lines
    }
}

/// The checks above can fail.
@Suite struct MarkdownTests {
    let markdown = Markdown(
        """
        # Title

        See [there](Other.md#part-two), ![a picture](Picture.svg) and `Sources/Enoki`.

        1. A list:

           ```swift
           func f() {
               g()
           }
           ```

        ## Part two: `code`, and more
        """
    )

    @Test func findsWhatThereIsToCheck() {
        #expect(markdown.blocks.map(\.lines) == [["func f() {", "    g()", "}"]])
        #expect(markdown.blocks.map(\.language) == ["swift"])
        #expect(markdown.links.map(\.text) == ["Other.md#part-two", "Picture.svg"])
        #expect(markdown.codeSpans.map(\.text) == ["Sources/Enoki", "code"])
        #expect(markdown.anchors == ["title", "part-two-code-and-more"])
        #expect(!markdown.isCutOff)
        #expect(Markdown("```swift").isCutOff)
    }

    @Test func aSnippetOccursAtAnyOneIndentation() {
        let code = ["struct S {", "    func f() {", "        g()", "    }", "}"]
        #expect(occurs(markdown.blocks[0].lines, in: code))
        #expect(!occurs(["func f() {", "g()", "}"], in: code))
        #expect(!occurs(["func f() {", "    h()", "}"], in: code))
        #expect(!occurs(code + code, in: code))
    }
}
