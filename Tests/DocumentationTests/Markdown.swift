/// What there is to check in a text in Markdown.
struct Markdown {
    /// A fenced block.
    struct Block {
        /// The line that it begins in, counted from 1.
        var line: Int
        /// The word behind the fence.
        var language: String
        /// The lines, without the indentation that all of them have.
        var lines: [String]

        var text: String { lines.joined(separator: "\n") }
    }

    /// A piece of text with the line that it stands in.
    struct Found {
        var line: Int
        var text: String
    }

    private(set) var blocks: [Block] = []
    private(set) var headings: [String] = []
    /// The targets of links and pictures.
    private(set) var links: [Found] = []
    /// What stands between backticks, outside of blocks.
    private(set) var codeSpans: [Found] = []
    /// Whether the last block has no end.
    private(set) var isCutOff = false

    init(_ text: String) {
        var block: Block?
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let trimmed = line.trimmingPrefix { $0 == " " }
            if trimmed.hasPrefix("```") {
                if let finished = block {
                    blocks.append(
                        Block(line: finished.line, language: finished.language, lines: outdented(finished.lines))
                    )
                    block = nil
                } else {
                    block = Block(line: index + 1, language: String(trimmed.dropFirst(3)), lines: [])
                }
            } else if block != nil {
                block?.lines.append(String(line))
            } else {
                read(String(line), index + 1)
            }
        }
        isCutOff = block != nil
    }

    private mutating func read(_ line: String, _ number: Int) {
        if line.hasPrefix("#") { headings.append(String(line.drop { $0 == "#" }.trimmingPrefix(" "))) }
        // Outside of backticks are the even parts.
        for (index, part) in line.split(separator: "`", omittingEmptySubsequences: false).enumerated() {
            if !index.isMultiple(of: 2) { codeSpans.append(Found(line: number, text: String(part))) }
        }
        links += line.matches(of: /\]\(([^)\s]+)\)/).map { Found(line: number, text: String($0.1)) }
    }

    /// What a link to a heading is called, by GitHub's rule.
    var anchors: [String] {
        headings.map { heading in
            String(
                heading.lowercased().filter { $0.isLetter || $0.isNumber || " -_".contains($0) }.map {
                    $0 == " " ? "-" : $0
                }
            )
        }
    }
}

/// The lines without the indentation that all of them have, and without blanks at their ends.
func outdented(_ lines: [String]) -> [String] {
    let indentation = lines.filter { !$0.allSatisfy(\.isWhitespace) }.map { $0.prefix { $0 == " " }.count }.min() ?? 0
    return lines.map { line in
        var line = line.dropFirst(min(indentation, line.prefix { $0 == " " }.count))
        while line.last?.isWhitespace == true { line.removeLast() }
        return String(line)
    }
}
