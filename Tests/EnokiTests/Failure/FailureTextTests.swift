import Testing

@testable import Enoki

@Suite struct FailureTextTests {
    @Test func theTypeIsNamedAsOnTheWire() {
        #expect(FailureText.typeName(of: DivisionByZero(dividend: 1)) == "calculator.DivisionByZero")
        #expect(FailureText.typeName(of: Boom(reason: "")) == "Boom")
        #expect(FailureText.typeName(of: Reject(reason: "")) == "Reject")
    }

    @Test func aBodyThatCannotBeReadIsExplained() {
        struct Payload: Decodable { let items: [Item] }
        struct Item: Decodable { let qty: Int }
        let error = #expect(throws: DecodingError.self) {
            try JSONCodec().decode(Payload.self, from: Array(#"{"items": [{"qty": "secret"}]}"#.utf8))
        }
        let text = error.map { FailureText.text(of: $0) } ?? ""
        #expect(text.contains("expected Int"))
        #expect(!text.contains("secret"))
    }
}
