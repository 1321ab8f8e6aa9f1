import Testing

/// Docs/OnCall.md lists what is logged, and what it lists is logged.
@Suite struct OnCallTests {
    let repository = Repository()
    let page: String

    init() throws { self.page = try repository.text("Docs/OnCall.md") }

    @Test func everyLineOfTheTablesIsLogged() throws {
        let code = try sources("Sources")
        var count = 0
        for row in page.split(separator: "\n") where row.hasPrefix("|") && !row.hasPrefix("|---") {
            let cell = row.split(separator: "|")[0]
            for (index, span) in cell.split(separator: "`", omittingEmptySubsequences: false).enumerated() {
                // What stands between backticks; `key=value` is metadata.
                guard !index.isMultiple(of: 2), !span.contains("=") else { continue }
                for fragment in span.split(separator: "…") {
                    let text = fragment.trimming { " :'".contains($0) }
                    count += 1
                    #expect(code.contains(text), "nothing logs '\(text)'")
                }
            }
        }
        #expect(count > 40)
    }

    @Test(arguments: ["Sources/Enoki", "Sources/EnokiRabbitMQ"]) func everyLineOfTheModuleIsInATable(_ module: String)
        throws
    {
        let code = try sources(module)
        let lines = code.matches(of: /logger\s*\.(?:warning|error|critical)\(\s*"+\s*([^\n]+)/).map { String($0.1) }
        #expect(lines.count > 8)
        for line in lines {
            // Without what is put in; the first words of the rest name the line.
            let bare: String = line.replacing(/\\\((?:[^()]|\([^()]*\))*\)/, with: "\0")
            let text: Substring = bare.prefix { $0 != "\"" }
            let parts: [Substring] = text.split(separator: "\0" as Character)
            guard let words = parts.first(where: { $0.count >= 12 }) else { continue }
            let beginning = words.trimming { " :".contains($0) }.prefix(20)
            #expect(page.contains(beginning), "the page has no row for: \(line)")
        }
    }

    /// The texts of the files, with those that are broken in the code in one line.
    private func sources(_ folder: String) throws -> String {
        try repository.files(folder, ".swift").map { try repository.text($0).replacing(/\\\n\s*/, with: "") }
            .joined(separator: "\n")
    }
}

extension Substring {
    fileprivate func trimming(_ isTrimmed: (Character) -> Bool) -> String {
        String(self.drop(while: isTrimmed).reversed().drop(while: isTrimmed).reversed())
    }
}
