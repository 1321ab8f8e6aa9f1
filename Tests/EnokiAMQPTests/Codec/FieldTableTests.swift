import EnokiBroker
import NIOCore
import Testing

@testable import EnokiAMQP

struct FieldTableTests {
    /// A value of each of the 18 kinds, with the octets of RabbitMQ's errata to AMQP 0-9-1 §4.2.1.
    private static let kinds: [(FieldValue, String)] = [
        (.bool(true), "7401"), (.bool(false), "7400"), (.int8(-2), "62fe"), (.uint8(254), "42fe"),
        (.int16(-2), "73fffe"), (.uint16(0xFFFE), "75fffe"), (.int32(-2), "49fffffffe"),
        (.uint32(0xFFFF_FFFE), "69fffffffe"), (.int64(-2), "6cfffffffffffffffe"),
        (.uint64(.max - 1), "4cfffffffffffffffe"), (.float(1.5), "663fc00000"), (.double(-0.1), "64bfb999999999999a"),
        (.decimal(scale: 2, value: 1234), "4402000004d2"), (.string("hé"), "530000000368c3a9"),
        (.bytes([0, 255]), "780000000200ff"), (.array([.void, .bool(true)]), "4100000003567401"),
        (.timestamp(1_700_000_000), "54000000006553f100"), (.table(["k": .void]), "4600000003016b56"), (.void, "56"),
    ]

    /// The table whose only name is `a`, its value as `hex` says.
    private static func table(_ hex: String) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeInteger(UInt32(2 + hex.utf8.count / 2))
        buffer.writeString("\u{1}a")
        buffer.writeImmutableBuffer(ByteBuffer(hex: hex))
        return buffer
    }

    private static func read(_ buffer: ByteBuffer) throws -> Headers {
        var reader = FieldReader(buffer)
        let table = try reader.table()
        try reader.checkEnd()
        return table
    }

    @Test(arguments: kinds) func eachKindIsReadAndWritten(value: FieldValue, hex: String) throws {
        let table = Self.table(hex)
        #expect(try Self.read(table) == ["a": value])
        var buffer = ByteBuffer()
        (["a": value] as Headers).write(into: &buffer)
        #expect(buffer.hex == table.hex)
    }

    @Test func allKindsTogetherAreReadAndWritten() throws {
        let values = Self.kinds.map(\.0)
        let table: Headers = ["all": .array(values), "nested": .table(["all": .array(values)]), "": .void]
        var buffer = ByteBuffer()
        table.write(into: &buffer)
        #expect(try Self.read(buffer) == table)
    }

    @Test func anythingButZeroIsTrue() throws { #expect(try Self.read(Self.table("7402")) == ["a": true]) }

    @Test func aStringThatIsNotUTF8IsBytes() throws {
        #expect(try Self.read(Self.table("5300000002c328")) == ["a": .bytes([0xC3, 0x28])])
    }

    @Test func aNameThatIsNotUTF8IsRepaired() throws {
        #expect(try Self.read(ByteBuffer(hex: "0000000402c32856")) == ["\u{FFFD}(": .void])
    }

    @Test func namesComeInOrderAndTwice() throws {
        let table = try Self.read(ByteBuffer(hex: "00000009" + "016256" + "016156" + "016256"))
        #expect(table.map(\.name) == ["b", "a", "b"])
    }

    @Test(arguments: ["00", "7a00", "ff", "5a"]) func aKindThatNobodyKnowsIsRefused(hex: String) {
        #expect(throws: SyntaxError.Reason.malformedTable) { try Self.read(Self.table(hex)) }
        #expect(throws: SyntaxError.Reason.malformedTable) {
            try Self.read(Self.table("410000000" + String(hex.count / 2) + hex))
        }
    }

    @Test(arguments: kinds) func aValueThatEndsEarlyIsRefused(value: FieldValue, hex: String) {
        for length in 0..<hex.utf8.count / 2 {
            let table = Self.table(String(hex.prefix(2 * length)))
            #expect(throws: SyntaxError.Reason.malformedTable) { try Self.read(table) }
        }
    }

    /// A length that reaches beyond its own table, though not beyond the payload, and one that reaches beyond everything.
    @Test(
        arguments: [
            "5300000001", "7800000001", "4100000001", "4600000001", "53ffffffff", "78ffffffff", "41ffffffff",
            "46ffffffff", "5380000000",
        ]
    )
    func aLengthThatReachesOverTheEndIsRefused(hex: String) {
        var buffer = Self.table(hex)
        buffer.writeBytes([1, 2, 3])
        #expect(throws: SyntaxError.Reason.malformedTable) {
            var reader = FieldReader(buffer)
            _ = try reader.table()
        }
    }

    @Test(arguments: ["667f800000", "66ffc00001", "647ff0000000000000", "64fff8000000000000"])
    func aFloatWithoutAFiniteValueIsRefused(hex: String) {
        #expect(throws: SyntaxError.Reason.malformedTable) { try Self.read(Self.table(hex)) }
    }

    @Test func whatComesAfterATableIsReadInItsPlace() throws {
        let hex = "00000010" + "016146" + "00000005" + "0162" + "490000" + "000163" + "56"
        // The inner table ends in the middle of its value: nothing of the outer one may fill it up.
        #expect(throws: SyntaxError.Reason.malformedTable) { try Self.read(ByteBuffer(hex: hex)) }
        let whole = "00000011" + "016146" + "00000007" + "0162" + "4900000001" + "016356"
        #expect(try Self.read(ByteBuffer(hex: whole)) == ["a": .table(["b": .int32(1)]), "c": .void])
    }

    @Test func aTableThatIsNotThereIsRefused() {
        for hex in ["", "000000", "00000001", "ffffffff"] {
            #expect(throws: SyntaxError.Reason.cannotDecode) { try Self.read(ByteBuffer(hex: hex)) }
        }
    }

    /// A table that nests `depth` levels of tables, or arrays, in all.
    private static func nested(_ depth: Int, arrays: Bool) -> Headers {
        var value = arrays ? FieldValue.array([]) : .table([:])
        for _ in 0..<max(depth - 2, 0) { value = arrays ? .array([value]) : .table(["a": value]) }
        return depth < 2 ? [:] : ["a": value]
    }

    @Test(arguments: [false, true]) func tablesNestAsDeepAsTheLimit(arrays: Bool) throws {
        let deepest = Self.nested(WireLimits.depth, arrays: arrays)
        try WireLimits.check(deepest, as: "headers")
        var buffer = ByteBuffer()
        deepest.write(into: &buffer)
        #expect(try Self.read(buffer) == deepest)
        var deeper = ByteBuffer()
        Self.nested(WireLimits.depth + 1, arrays: arrays).write(into: &deeper)
        #expect(throws: SyntaxError.Reason.tooDeep) { try Self.read(deeper) }
    }

    @Test func whatNestsWithoutEndIsNoTrap() throws {
        // "F", a length, "\0": as deep as 128 KB can nest.
        var buffer = ByteBuffer()
        let levels = 131_072 / 6
        for level in 0..<levels {
            buffer.writeInteger(UInt32(6 * (levels - level)))
            buffer.writeBytes([0, UInt8(ascii: "F")])
        }
        buffer.setInteger(UInt32(6 * levels - 4), at: 0)
        #expect(throws: SyntaxError.Reason.self) { try Self.read(buffer) }
    }
}
