/// Looks at YAML before it is parsed, for what a parser would pay for with its stack or with the machine's memory.
///
/// The bounds are far beyond what a configuration needs. They are checked on the bytes, without understanding quotes:
/// text that looks like such structures by the hundred is refused too.
enum YAMLShape {
    /// The deepest nesting.
    private static let maximumDepth = 100

    /// What makes `content` unfit, in words; `nil` when nothing does.
    static func problem(in content: [UInt8]) -> String? {
        guard String(validating: content, as: UTF8.self) != nil else { return "it is not UTF-8" }
        guard self.flowDepth(content) <= self.maximumDepth, self.blockDepth(content) <= self.maximumDepth else {
            return "it is nested more than \(self.maximumDepth) levels deep"
        }
        if self.hasAlias(content) { return "it uses YAML aliases (*name); write the value out" }
        return nil
    }

    /// Whether there is nothing but white space and comments.
    static func isBlank(_ content: [UInt8]) -> Bool {
        content.split(separator: UInt8(ascii: "\n")).allSatisfy { line in
            let first = line.first { ![0x20, 0x09, 0x0D].contains($0) }
            return first == nil || first == UInt8(ascii: "#")
        }
    }

    /// The most brackets and braces that are open at once.
    private static func flowDepth(_ content: [UInt8]) -> Int {
        var (depth, deepest) = (0, 0)
        for byte in content {
            switch byte {
            case UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
            case UInt8(ascii: "]"), UInt8(ascii: "}"): depth = max(depth - 1, 0)
            default: break
            }
            deepest = max(deepest, depth)
        }
        return deepest
    }

    /// The most levels that the beginning of a line can open: each takes at least one column.
    private static func blockDepth(_ content: [UInt8]) -> Int {
        let opening: Set<UInt8> = [UInt8(ascii: " "), UInt8(ascii: "-"), UInt8(ascii: "?"), UInt8(ascii: ":")]
        return content.split(separator: UInt8(ascii: "\n")).map { $0.prefix { opening.contains($0) }.count }.max() ?? 0
    }

    /// Whether a name is both anchored (`&name`) and referred to (`*name`). Aliases of aliases grow without bound.
    private static func hasAlias(_ content: [UInt8]) -> Bool {
        !self.names(after: UInt8(ascii: "&"), content).isDisjoint(with: self.names(after: UInt8(ascii: "*"), content))
    }

    private static func names(after mark: UInt8, _ content: [UInt8]) -> Set<ArraySlice<UInt8>> {
        var names: Set<ArraySlice<UInt8>> = []
        for (index, byte) in content.enumerated() where byte == mark {
            let name = content[(index + 1)...].prefix { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
            if !name.isEmpty { names.insert(name) }
        }
        return names
    }
}
