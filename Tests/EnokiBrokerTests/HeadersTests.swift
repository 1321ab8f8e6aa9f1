import EnokiBroker
import Testing

@Suite struct HeadersTests {
    @Test func keepsTheOrderAndTheLastValueOfAName() {
        var headers: Headers = ["b": 1, "a": 2, "b": 3]
        #expect(headers.map(\.name) == ["b", "a"])
        #expect(headers["b"] == 3)
        headers["b"] = nil
        #expect(headers.map(\.name) == ["a"])
        headers["c"] = true
        #expect(headers.map(\.name) == ["a", "c"])
    }

    @Test func namesAreComparedByTheirBytes() {
        let composed = "\u{E9}"
        let decomposed = "e\u{301}"
        #expect(composed == decomposed)
        let headers: Headers = [composed: 1, decomposed: 2]
        #expect(headers.count == 2)
        #expect(headers[composed] == 1)
        #expect(headers[decomposed] == 2)
        #expect([composed: 1] as Headers != [decomposed: 1] as Headers)
        #expect(Set([ByteName(composed), ByteName(decomposed)]).count == 2)
    }

    @Test func anAppendedNameStandsBehindTheFirst() {
        var headers: Headers = ["a": 1]
        headers.append("a", 2)
        #expect(headers.count == 2)
        #expect(headers["a"] == 1)
    }

    /// A peer may send a name twice: who sets it means the only one.
    @Test func settingANameThatStandsThereTwiceLeavesOneOrNone() {
        var headers: Headers = ["b": 1, "a": 1]
        for _ in 0..<3 { headers.append("a", 2) }
        headers.append("c", 3)
        var changed = headers
        changed["a"] = 4
        #expect(changed == ["b": 1, "a": 4, "c": 3])
        changed = headers
        changed["a"] = nil
        #expect(changed == ["b": 1, "c": 3])
    }

    @Test func integersAreAsSmallAsNamekosClientsWriteThem() {
        #expect(FieldValue.integer(7) == .int32(7))
        #expect(FieldValue.integer(-3) == .int32(-3))
        #expect(FieldValue.integer(1_099_511_627_776) == .int64(1_099_511_627_776))
        #expect(FieldValue.integer(UInt64.max) == .int64(.max))
        #expect(FieldValue(integerLiteral: 5) == 5)
    }

    @Test(
        arguments: [
            (FieldValue.int8(-5), -5), (.uint8(5), 5), (.int16(-5), -5), (.uint16(5), 5), (.int32(-5), -5),
            (.uint32(5), 5),
            (.int64(-5), -5), (.uint64(5), 5),
            // py-amqp writes signed integers of 64 bits under the letter of the unsigned.
            (.uint64(UInt64(bitPattern: -5)), -5),
        ] as [(FieldValue, Int64)]
    )
    func everyKindOfIntegerIsReadAsOne(_ value: FieldValue, _ integer: Int64) {
        #expect(value.integerValue == integer)
    }

    @Test func otherKindsAreNoIntegers() {
        for value in [FieldValue.string("5"), .double(5), .bool(true), .void, .bytes([5]), .timestamp(5)] {
            #expect(value.integerValue == nil)
        }
    }

    @Test func literalsMakeTheNaturalKinds() {
        let value: FieldValue = ["a": [1, "x", true, 1.5], "n": -1]
        #expect(
            value
                == .table(
                    Headers([("a", .array([.int32(1), .string("x"), .bool(true), .double(1.5)])), ("n", .int32(-1))])
                )
        )
    }
}
