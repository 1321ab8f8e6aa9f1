import EnokiBroker
import Foundation
import Testing

@testable import Enoki

@Suite struct ReplyEnvelopeTests {
    private func decode<Value: Decodable>(_ body: [UInt8], as: Value.Type = Value.self) throws -> Value {
        switch try JSONCodec().decode(ReplyEnvelope<Value>.self, from: body) {
        case .success(let value): return value
        case .failure(let error): throw error.error(known: [OutOfStock.self])
        }
    }

    private func decode<Value: Decodable>(_ text: String, as type: Value.Type = Value.self) throws -> Value {
        try self.decode(Array(text.utf8), as: type)
    }

    struct OutOfStock: RemoteException, Equatable {
        static let path = "stock.OutOfStock"
        var sku: String
        var arguments: [JSONValue] { [.string(self.sku)] }
        init(sku: String) { self.sku = sku }
        init?(arguments: [JSONValue]) {
            guard case .string(let sku) = arguments.first else { return nil }
            self.sku = sku
        }
    }

    @Test(arguments: Golden.allCases) func readsNamekosResult(_ version: Golden) throws {
        #expect(try self.decode(version.example("rpc_reply_ok").body, as: Int.self) == 5)
    }

    @Test(arguments: Golden.allCases) func namesNamekosErrors(_ version: Golden) throws {
        let error = #expect(throws: RemoteError.self) {
            try self.decode(version.example("rpc_reply_error_ValueError").body, as: Int.self)
        }
        #expect(error?.type == "ValueError")
        #expect(error?.path == "builtins.ValueError")
        #expect(error?.value == "boom é")
        #expect(error?.exceptionArguments == ["boom é"])

        let nested = #expect(throws: RemoteError.self) {
            try self.decode(version.example("rpc_reply_error_nested_args").body, as: Int.self)
        }
        #expect(nested?.exceptionArguments.prefix(6) == ["s", "42", "1.5", "None", "True", ["97", "98"]])
        #expect(throws: MethodNotFound("nope")) {
            try self.decode(version.example("rpc_reply_error_MethodNotFound").body, as: Int.self)
        }
        let signature = #expect(throws: IncorrectSignature.self) {
            try self.decode(version.example("rpc_reply_error_IncorrectSignature").body, as: Int.self)
        }
        #expect(signature?.message == "add() missing 2 required positional arguments: 'a' and 'b'")
        let relayed = #expect(throws: RemoteError.self) {
            try self.decode(version.example("rpc_reply_error_RemoteError_relayed").body, as: Int.self)
        }
        #expect(relayed?.value == "ValueError inner")
    }

    @Test(arguments: Golden.allCases) func readsPythonsOwnValues(_ version: Golden) throws {
        struct Values: Decodable {
            var dt: Date
            var d: Date
            var dec: Decimal
            var u: UUID
            var b: Data
            var bb: Data
            var t: [Int]
            var nan: Double
            var inf: Double
        }
        let values = try self.decode(version.example("rpc_reply_python_types").body, as: Values.self)
        #expect(values.dt.timeIntervalSince1970 == 1_577_934_245)
        #expect(values.d.timeIntervalSince1970 == 1_577_923_200)
        #expect(values.dec == Decimal(string: "1.10"))
        #expect(values.u.uuidString == "00000000-0000-0000-0000-000000000001")
        #expect(values.b == Data("abc".utf8))
        #expect(values.bb == Data([0xFF]))
        #expect(values.t == [1, 2])
        #expect(values.nan.isNaN)
        #expect(values.inf == .infinity)
    }

    @Test(arguments: ["null", "false", "{}"]) func anErrorThatIsNoneIsSuccess(_ error: String) throws {
        #expect(try self.decode("{\"result\": 1, \"error\": \(error)}", as: Int.self) == 1)
    }

    @Test func anErrorThatIsMissingIsSuccess() throws {
        #expect(try self.decode("{\"result\": 1}", as: Int.self) == 1)
    }

    @Test func readsNothingWhereNothingIsWanted() throws {
        _ = try self.decode("{\"result\": null, \"error\": null}", as: NoReply.self)
        _ = try self.decode("{\"result\": {\"a\": [1]}, \"error\": null}", as: NoReply.self)
        _ = try self.decode("{\"error\": null}", as: NoReply.self)
        #expect(try self.decode("{\"result\": null, \"error\": null}", as: Int?.self) == nil)
        #expect(try self.decode("{\"error\": null}", as: Int?.self) == nil)
    }

    @Test(arguments: [
        "", "[]", "null", "\"text\"", "{\"result\": \"x\", \"error\": null}", "{\"error\": null}",
        "{\"result\": 1, \"error\": \"x\"}",
        "{\"result\": 1, \"error\": [1]}",
    ])
    func aReplyThatIsNoneIsAnErrorOfDecoding(_ text: String) {
        #expect(throws: DecodingError.self) { try self.decode(text, as: Int.self) }
    }

    @Test func raisesAKnownErrorAsItself() {
        let body =
            #"{"result": null, "error": {"exc_type": "OutOfStock", "exc_path": "stock.OutOfStock", "exc_args": ["tea"], "value": "x"}}"#
        #expect(throws: OutOfStock(sku: "tea")) { try self.decode(body, as: Int.self) }
    }

    @Test func raisesAKnownErrorWithStrangeArgumentsAsRemoteError() {
        let body =
            #"{"result": null, "error": {"exc_type": "OutOfStock", "exc_path": "stock.OutOfStock", "exc_args": [], "value": "x"}}"#
        #expect(throws: RemoteError.self) { try self.decode(body, as: Int.self) }
    }

    @Test func writesErrorsWithNamekosFourKeys() throws {
        func written(_ error: any Error) throws -> [String: JSONValue] {
            let body = try JSONCodec().encode(FailureEnvelope(error: RemoteErrorBody(error)))
            let envelope = try JSONCodec().decode([String: JSONValue].self, from: body)
            #expect(envelope["result"] == .null)
            guard case .object(let members) = envelope["error"] else { return [:] }
            return members
        }
        #expect(
            try written(OutOfStock(sku: "tea")) == [
                "exc_type": "OutOfStock", "exc_path": "stock.OutOfStock", "exc_args": ["tea"],
                "value": .string("\(OutOfStock(sku: "tea"))"),
            ]
        )
        #expect(
            try written(MethodNotFound("nope")) == [
                "exc_type": "MethodNotFound", "exc_path": "nameko.exceptions.MethodNotFound", "exc_args": ["nope"],
                "value": "nope",
            ]
        )
        #expect(
            try written(UnknownService("ghost")) == [
                "exc_type": "UnknownService", "exc_path": "nameko.exceptions.UnknownService", "exc_args": ["ghost"],
                "value": "Unknown service `ghost`",
            ]
        )
        #expect(
            try written(RemoteError(type: "ValueError", value: "inner")) == [
                "exc_type": "RemoteError", "exc_path": "nameko.exceptions.RemoteError",
                "exc_args": ["ValueError inner"],
                "value": "ValueError inner",
            ]
        )
        #expect(try written(UnserializableValue("Unserializable value: `x`"))["exc_args"] == [])
        #expect(try written(UnserializableValue("x"))["exc_type"] == "UnserializableValueError")
    }

    /// An error that another service has raised says what it likes. A service's own errors say what they have agreed on with the caller.
    @Test func theArgumentsOfAForeignErrorAreCutAndWithoutCredentialsAsItsTextIs() throws {
        struct Away: RemoteException {
            static let path = "stock.Away"
            let arguments: [JSONValue]
            init?(arguments: [JSONValue]) { self.arguments = arguments }
        }
        let address = "no way to amqp://u:hunter2@host"
        let long = String(repeating: "x", count: 100_000)
        let relayed = RemoteErrorBody(RemoteError(type: "E", value: "\(address) \(long)"))
        #expect(relayed.arguments.map { $0.description.hasPrefix("E no way to amqp://***@host x") } == [true])
        #expect(relayed.arguments.map(\.description.count) == [1000])
        let given: [JSONValue] = [.string(address), 7, [.string(address)], ["at": .string(address)], .null, true, 1.5]
        let told: JSONValue = "no way to amqp://***@host"
        let foreign = RemoteErrorBody(RemoteError(type: "E", path: "e.E", exceptionArguments: given, value: address))
        #expect(foreign.value == "E no way to amqp://***@host")
        #expect(foreign.arguments.allSatisfy { !$0.description.contains("hunter2") })
        let signature = RemoteErrorBody(IncorrectSignature(address))
        #expect(signature.arguments == [told])
        let away = RemoteErrorBody(try #require(Away(arguments: given)))
        #expect(away.arguments == given)
    }

    @Test func cutsTheTextOfAnError() {
        struct Talkative: Error, CustomStringConvertible { let description = String(repeating: "x", count: 100_000) }
        #expect(RemoteErrorBody(Talkative()).value.count == 1000)
    }
}
