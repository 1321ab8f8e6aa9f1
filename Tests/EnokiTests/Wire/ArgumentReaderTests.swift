import Testing

@testable import Enoki

@Suite struct ArgumentReaderTests {
    struct Item: Codable, Equatable { var sku: String; var qty: Int }

    struct Charge: RPCRequest, Equatable {
        static let service = "payments"
        static let method = "charge"
        typealias Reply = String
        var order: Int
        var note: String?
    }

    struct Named: RPCRequest, Equatable {
        static let service = "payments"
        static let method = "named"
        static let parameters = ["order", "amount"]
        typealias Reply = String
        var order: Int
        var amount: Double
    }

    private let add = RPC("add", "a", "b") { (a: Int, b: Int) in a + b }
    private let greet = RPC("greet", "name", "title") { (name: String, title: String?) in "\(title ?? "") \(name)" }
    private let pack = RPC("pack", "items") { (items: [Item]) in items.count }
    private let charge = RPC { (charge: Charge) in "\(charge.order) \(charge.note ?? "-")" }
    private let named = RPC { (named: Named) in "\(named.order) \(named.amount)" }

    private func call(_ method: RPC, _ body: String) async throws -> String {
        "\(try await method.signature.call(Array(body.utf8), JSONCodec())())"
    }

    @Test(arguments: [
        #"{"args": [1, 2], "kwargs": {}}"#, #"{"args": [1], "kwargs": {"b": 2}}"#,
        #"{"args": [], "kwargs": {"b": 2, "a": 1}}"#,
        #"{"kwargs": {"b": 2, "a": 1.0}, "args": [], "more": [3]}"#,
    ])
    func argumentsComeByPositionOrByName(_ body: String) async throws {
        #expect(try await self.call(self.add, body) == "3")
    }

    @Test func anOptionalParameterMayBeLeftOutOrNull() async throws {
        #expect(try await self.call(self.greet, #"{"args": ["Ada"], "kwargs": {}}"#) == " Ada")
        #expect(try await self.call(self.greet, #"{"args": ["Ada", null], "kwargs": {}}"#) == " Ada")
        #expect(try await self.call(self.greet, #"{"args": ["Ada"], "kwargs": {"title": "Lady"}}"#) == "Lady Ada")
    }

    /// Cut in the middle of an address, its credentials would not look like any.
    @Test func whatATypeSaysOfAnArgumentHasNoCredentials() async throws {
        struct Away: Error, CustomStringConvertible {
            let description = String(repeating: "x", count: 180) + " amqp://u:hunter2@host"
        }
        struct Refusing: Decodable, Sendable { init(from decoder: any Decoder) throws { throw Away() } }
        let method = RPC("ask", "a") { (_: Refusing) in 1 }
        let error = await #expect(throws: IncorrectSignature.self) {
            try await self.call(method, #"{"args": [1], "kwargs": {}}"#)
        }
        #expect(error?.message.hasSuffix("x amqp://***@host") == true, "\(String(describing: error))")
    }

    @Test(arguments: [
        (#"{"args": [1], "kwargs": {}}"#, "add() missing 1 required argument: 'b'"),
        (#"{"args": [1, 2, 3], "kwargs": {}}"#, "add() takes 2 positional arguments but 3 were given"),
        (#"{"args": [1, 2], "kwargs": {"zz": 1}}"#, "add() got an unexpected keyword argument 'zz'"),
        (#"{"args": [1], "kwargs": {"bb": 1}}"#, "add() got an unexpected keyword argument 'bb'"),
        (#"{"args": [1], "kwargs": {"a": 1, "b": 2}}"#, "add() got multiple values for argument 'a'"),
        (#"{"args": [1, "two"], "kwargs": {}}"#, "add() 'b': expected Int, found a string"),
        (#"{"args": [1], "kwargs": {"b": [2]}}"#, "add() 'b': expected Int, found an array"),
        (#"{"args": [1, null], "kwargs": {}}"#, "add() 'b': expected Int, found null"),
        (#"{"args": null, "kwargs": {}}"#, "add() `args` must be an array"),
        (#"{"args": "ab", "kwargs": {}}"#, "add() `args` must be an array"),
        (#"{"args": [], "kwargs": null}"#, "add() `kwargs` must be an object"),
        (#"{"args": [], "kwargs": []}"#, "add() `kwargs` must be an object"),
    ])
    func wrongArgumentsAreNamed(_ body: String, _ message: String) async {
        await #expect(throws: IncorrectSignature(message)) { try await self.call(self.add, body) }
    }

    @Test func numbersThatDoNotFitAreNamed() async {
        let huge = "18446744073709551616"
        let byPosition = await #expect(throws: IncorrectSignature.self) {
            try await self.call(self.add, #"{"args": [1, \#(huge)], "kwargs": {}}"#)
        }
        #expect(byPosition?.message.hasPrefix("add() 'b': expected Int, found a value that it cannot hold") == true)
        let byContract = await #expect(throws: IncorrectSignature.self) {
            try await self.call(self.charge, #"{"args": [], "kwargs": {"order": \#(huge)}}"#)
        }
        #expect(byContract?.message.contains(huge) == true)
    }

    /// Python writes such a text, and no Swift string can hold it.
    @Test func aTextWithHalfACharacterIsNamed() async {
        let error = await #expect(throws: IncorrectSignature.self) {
            try await self.call(self.greet, #"{"args": ["\ud83c"], "kwargs": {}}"#)
        }
        #expect(error?.message.hasPrefix("greet() 'name': expected String") == true)
    }

    @Test func aWrongTypeIsNamedByItsPath() async {
        await #expect(throws: IncorrectSignature("pack() missing 1 required argument: 'items[0].qty'")) {
            try await self.call(self.pack, #"{"args": [[{"sku": "tea"}]], "kwargs": {}}"#)
        }
        await #expect(throws: IncorrectSignature("pack() 'items[1].qty': expected Int, found a string")) {
            try await self.call(
                self.pack,
                #"{"args": [[{"sku": "a", "qty": 1}, {"sku": "b", "qty": "x"}]], "kwargs": {}}"#
            )
        }
        await #expect(throws: IncorrectSignature("pack() 'items[0].qty': expected Int, found a string")) {
            try await self.call(self.pack, #"{"args": [], "kwargs": {"items": [{"sku": "a", "qty": "x"}]}}"#)
        }
    }

    @Test(arguments: [
        (#"[]"#, "Message is not an object with `args` and `kwargs`"),
        (#"null"#, "Message is not an object with `args` and `kwargs`"),
        (#""text""#, "Message is not an object with `args` and `kwargs`"),
        (#"{"args": []}"#, "Message missing `args` or `kwargs`"),
        (#"{"kwargs": {}}"#, "Message missing `args` or `kwargs`"),
        (#"{}"#, "Message missing `args` or `kwargs`"),
    ])
    func aBodyThatIsNoRequestIsMalformed(_ body: String, _ message: String) async {
        await #expect(throws: MalformedRequest(message)) { try await self.call(self.add, body) }
    }

    @Test(arguments: ["", "{", "\u{FEFF}{\"args\": [1, 2], \"kwargs\": {}}x", "nonsense"])
    func aBodyThatIsNoJSONDoesNotDecode(_ body: String) async {
        await #expect(throws: DecodingError.self) { try await self.call(self.add, body) }
    }

    @Test func aContractIsReadFromTheKeywordArguments() async throws {
        #expect(try await self.call(self.charge, #"{"args": [], "kwargs": {"order": 7}}"#) == "7 -")
        #expect(try await self.call(self.charge, #"{"args": [], "kwargs": {"order": 7, "newer": true}}"#) == "7 -")
        await #expect(throws: IncorrectSignature("charge() missing 1 required argument: 'order'")) {
            try await self.call(self.charge, #"{"args": [], "kwargs": {}}"#)
        }
        await #expect(throws: IncorrectSignature("charge() 'order': expected Int, found a string")) {
            try await self.call(self.charge, #"{"args": [], "kwargs": {"order": "x"}}"#)
        }
        let error = await #expect(throws: IncorrectSignature.self) {
            try await self.call(self.charge, #"{"args": [7], "kwargs": {}}"#)
        }
        #expect(error?.message.hasPrefix("charge() takes its arguments by name, some were given by position") == true)
        #expect(error?.message.contains("`parameters`") == true)
    }

    @Test func aContractThatNamesItsParametersTakesThemByPosition() async throws {
        #expect(try await self.call(self.named, #"{"args": [7, 1.5], "kwargs": {}}"#) == "7 1.5")
        #expect(try await self.call(self.named, #"{"args": [7], "kwargs": {"amount": 2}}"#) == "7 2.0")
        #expect(try await self.call(self.named, #"{"args": [], "kwargs": {"order": 7, "amount": 2}}"#) == "7 2.0")
        await #expect(throws: IncorrectSignature("named() got an unexpected keyword argument 'zz'")) {
            try await self.call(self.named, #"{"args": [7, 1], "kwargs": {"zz": 1}}"#)
        }
        await #expect(throws: IncorrectSignature("named() got multiple values for argument 'order'")) {
            try await self.call(self.named, #"{"args": [7, 1], "kwargs": {"order": 1}}"#)
        }
        await #expect(throws: IncorrectSignature("named() takes 2 positional arguments but 3 were given")) {
            try await self.call(self.named, #"{"args": [7, 1, 2], "kwargs": {}}"#)
        }
    }
}
