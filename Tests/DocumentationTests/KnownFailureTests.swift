import Testing

/// Docs/KnownFailures.md and the tests cite the same failures of others.
@Suite struct KnownFailureTests {
    let repository = Repository()

    @Test func theTableAndTheTestsCiteTheSame() throws {
        let listed = Citation.listed(in: try self.repository.text("Docs/KnownFailures.md"))
        var marked: Set<Citation> = []
        for file in self.repository.files("Tests", ".swift") where !file.hasPrefix("Tests/DocumentationTests/") {
            let name = file.split(separator: "/").last?.dropLast(".swift".count) ?? ""
            marked.formUnion(Citation.marked(in: try self.repository.text(file), of: String(name)))
        }
        #expect(marked.subtracting(listed).sorted() == [], "marked in a test, and not in the table")
        #expect(listed.subtracting(marked).sorted() == [], "in the table, and not marked in its test")
        #expect(listed.count >= 50)
    }

    /// The check above can fail.
    @Test func findsWhatThereIsToCompare() {
        let code = """
            @Test func before() {}
            @Test(.bug("https://a.example/1", "a: it \\"hangs\\""), arguments: [1])
            func works(_ number: Int) {
                func inner() {}
            }
            @Test(
                .bug(
                    "https://a.example/2",
                    "a: it is lost"
                )
            ) func holds() {}
            """
        let table = """
            See [the guide](Guide.md).

            | whose | what | test |
            |---|---|---|
            | [a](https://a.example/1), [b](https://b.example) | It hangs, `here` | `FileTests.works` |
            """
        #expect(
            Citation.marked(in: code, of: "FileTests") == [
                Citation(url: "https://a.example/1", test: "FileTests.works"),
                Citation(url: "https://a.example/2", test: "FileTests.holds"),
            ]
        )
        #expect(
            Citation.listed(in: table) == [
                Citation(url: "https://a.example/1", test: "FileTests.works"),
                Citation(url: "https://b.example", test: "FileTests.works"),
            ]
        )
    }
}

/// That a test shows what went wrong at some address.
struct Citation: Hashable, Comparable, CustomStringConvertible {
    var url: String
    /// As `File.function`.
    var test: String

    var description: String { "\(self.test): \(self.url)" }

    static func < (left: Self, right: Self) -> Bool { left.description < right.description }

    /// The bug traits of the tests in `code`, which is that of the file `name`.
    static func marked(in code: String, of name: String) -> Set<Citation> {
        var found: Set<Citation> = []
        var urls: [String] = []
        for match in code.matches(of: /\.bug\(\s*"([^"]+)"|\bfunc (\w+)/) {
            if let url = match.1 {
                urls.append(String(url))
            } else if let function = match.2 {
                found.formUnion(urls.map { Citation(url: $0, test: "\(name).\(function)") })
                urls = []
            }
        }
        return found
    }

    /// The rows of the tables in a document: all links of a row, and the test in its last cell.
    static func listed(in document: String) -> Set<Citation> {
        var found: Set<Citation> = []
        for line in document.split(separator: "\n") where line.hasPrefix("|") {
            guard let test = line.firstMatch(of: /`(\w+\.\w+)` \|$/) else { continue }
            for link in line.matches(of: /\]\((https:[^)\s]+)\)/) {
                found.insert(Citation(url: String(link.1), test: String(test.1)))
            }
        }
        return found
    }
}
