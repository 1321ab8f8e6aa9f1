import Testing

@testable import Enoki

@Suite struct SensitiveArgumentsTests {
    private static let order: JSONValue = [
        "user": "ada", "card": ["number": "4111", "name": "A"],
        "items": [["note": "n0", "sku": "s0"], ["note": "n1"]],
        "tags": ["a", "b"],
    ]

    @Test(
        arguments: [
            ([], order),
            (
                ["user"],
                [
                    "user": "********", "card": ["number": "4111", "name": "A"],
                    "items": [["note": "n0", "sku": "s0"], ["note": "n1"]], "tags": ["a", "b"],
                ]
            ),
            (["card", "items", "tags"], ["user": "ada", "card": "********", "items": "********", "tags": "********"]),
            (
                ["card.number", "items[0].note", "tags[1]"],
                [
                    "user": "ada", "card": ["number": "********", "name": "A"],
                    "items": [["note": "********", "sku": "s0"], ["note": "n1"]],
                    "tags": ["a", "********"],
                ]
            ),
            (["tags[7]", "nothing.at.all"], order),
            // What is not of the type that the path says.
            (
                ["card.number.digits", "items.note", "tags[0].x", "user[0]"],
                [
                    "user": "********", "card": ["number": "********", "name": "A"], "items": "********",
                    "tags": ["********", "b"],
                ]
            ),
        ] as [([String], JSONValue)]
    )
    func whatAPathLeadsToIsNotShown(_ paths: [String], _ expected: JSONValue) {
        #expect(SensitiveArguments(paths).redact(Self.order) == expected)
    }

    @Test func allThatIsInASensitivePartIsSensitive() {
        let sensitive = SensitiveArguments(["card.number", "items[0]"])
        for path in [["card"], ["card", "number"], ["card", "number", "x"], ["items"], ["items", "[0]", "note"], []] {
            #expect(sensitive.covers(path), "\(path)")
        }
        for path in [["user"], ["card", "name"], ["items", "[1]"], ["cards"]] {
            #expect(!sensitive.covers(path), "\(path)")
        }
    }

    @Test func namesAreComparedByBytes() {
        #expect(!SensitiveArguments(["\u{E9}"]).covers(["e\u{301}"]))
    }

    @Test(arguments: ["", ".", "a.", ".a", "a..b", "a[", "a[x]", "a[-1]", "a]", "a[1", "a[1]b", "[]"])
    func anUnclearPathIsAnErrorAtStart(_ path: String) {
        #expect(throws: ConfigurationError.self) {
            try SensitiveArguments(["user", path]).validate(of: "RPC method 'pay'")
        }
    }

    @Test(arguments: ["a", "a.b", "a[0]", "a[0][1].b", "[0].a", "é"]) func aClearPathIsNone(_ path: String) {
        #expect(throws: Never.self) { try SensitiveArguments([path]).validate(of: "RPC method 'pay'") }
    }
}
