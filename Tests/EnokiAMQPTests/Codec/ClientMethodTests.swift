import NIOCore
import Testing

@testable import EnokiAMQP

struct ClientMethodTests {
    @Test(arguments: ClientMethodExample.all) func whatAnotherClientWritesIsRead(example: ClientMethodExample) throws {
        let method = try ClientMethod.decode(from: ByteBuffer(hex: example.hex))
        #expect(method == example.method)
    }

    @Test(arguments: ClientMethodExample.all) func aMethodKnowsItsNumbers(example: ClientMethodExample) {
        let payload = ByteBuffer(hex: example.hex)
        #expect(payload.getInteger(at: 0, as: UInt16.self) == example.method.id.classID)
        #expect(payload.getInteger(at: 2, as: UInt16.self) == example.method.id.methodID)
    }

    @Test func thereIsAnExampleOfEachMethodThatIsNotAServers() {
        let examples = Set(ClientMethodExample.all.map(\.method.id.rawValue))
        for number in UInt32(0)..<0x0080_0000 where number & 0xFFFF < 128 {
            guard MethodID(rawValue: number) != nil, !examples.contains(number) else { continue }
            var payload = ByteBuffer()
            payload.writeInteger(number)
            let error = #expect(throws: SyntaxError.self) { try ClientMethod.decode(from: payload) }
            #expect(error?.reason == .methodOfServers, "\(number)")
        }
    }

    @Test(arguments: ClientMethodExample.all) func aMethodThatEndsEarlyIsRefused(example: ClientMethodExample) {
        let payload = ByteBuffer(hex: example.hex)
        for length in 0..<payload.readableBytes {
            let error = #expect(throws: SyntaxError.self, "\(length) octets") {
                try ClientMethod.decode(from: payload.prefix(length))
            }
            #expect(error?.reason == .cannotDecode)
            #expect(error?.classID == (length < 4 ? 0 : example.method.id.classID))
            #expect(error?.methodID == (length < 4 ? 0 : example.method.id.methodID))
        }
    }

    @Test(arguments: ClientMethodExample.all) func whatFollowsTheFieldsIsRefused(example: ClientMethodExample) {
        let payload = ByteBuffer(hex: example.hex + "00")
        let error = #expect(throws: SyntaxError.self) { try ClientMethod.decode(from: payload) }
        #expect(error?.reason == .cannotDecode)
    }

    @Test func bitsThatNobodyKnowsAreIgnored() throws {
        let method = try ClientMethod.decode(from: ByteBuffer(hex: "003c0050000000000000010281"))
        #expect(method == .basicAck(258, multiple: true))
    }

    @Test(arguments: ["00000000", "000a0001", "003c0029", "ffffffff", "0028001f00"])
    func aMethodThatNobodyKnowsIsRefused(hex: String) {
        let payload = ByteBuffer(hex: hex)
        let isServers = hex.hasPrefix("0028001f")
        let error = #expect(throws: SyntaxError.self) { try ClientMethod.decode(from: payload) }
        #expect(error?.reason == (isServers ? .methodOfServers : .unknownMethod))
        #expect(error?.classID == payload.getInteger(at: 0))
        #expect(error?.methodID == payload.getInteger(at: 2))
    }

    @Test(
        arguments: [
            // C3 28 is no UTF-8: as virtual host, exchange, type, queue, routing key, tag, and in basic.publish.
            "000a002802c3280000", "0028000a000002c3280a0000000000", "0028000a0000017802c3280000000000",
            "0032000a000002c3280a00000000", "00320014000001710178" + "02c328" + "0100000000",
            "003c001e02c32801", "003c0028000002c328016b01", "003c00280000017802c32801",
        ]
    )
    func aNameThatIsNotUTF8IsRefused(hex: String) {
        let error = #expect(throws: SyntaxError.self) { try ClientMethod.decode(from: ByteBuffer(hex: hex)) }
        #expect(error?.reason == .notUTF8)
        #expect(error?.explanation == "Malformed UTF-8 in shortstr")
    }

    @Test func theTextOfWhatCannotBeDecodedIsRabbitMQs() {
        let error = #expect(throws: SyntaxError.self) {
            try ClientMethod.decode(from: ByteBuffer(hex: "003c00500000000001"))
        }
        #expect(error?.explanation == "cannot decode <<0,0,0,0,1>>")
    }

    @Test func theSecretOfAClientIsInNoText() throws {
        // "secret" and, as a number, its first octet.
        for hex in ["000a0015000000067365637265" + "74", "000a004600000006736563726574" + "00"] {
            let method = try ClientMethod.decode(from: ByteBuffer(hex: hex))
            var dumped = ""
            dump(method, to: &dumped)
            for text in ["\(method)", String(reflecting: method), dumped] {
                #expect(text.contains("<secret>"))
                #expect(!text.contains("115"))
            }
        }
    }
}

extension ByteBuffer {
    /// Its first `length` octets.
    func prefix(_ length: Int) -> ByteBuffer { self.getSlice(at: self.readerIndex, length: length) ?? ByteBuffer() }
}
