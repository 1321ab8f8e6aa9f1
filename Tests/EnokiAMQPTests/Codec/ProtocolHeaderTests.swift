import NIOCore
import Testing

@testable import EnokiAMQP

struct ProtocolHeaderTests {
    @Test(
        arguments: [
            ([0, 0, 9, 1], ProtocolHeader.amqp091), ([1, 1, 0, 9], .amqp091), ([1, 1, 8, 0], .amqp08),
            ([1, 1, 9, 1], .amqp08), ([0, 1, 0, 0], .amqp10(id: 0)), ([3, 1, 0, 0], .amqp10(id: 3)),
            ([2, 1, 0, 0], .amqp10(id: 2)), ([0, 0, 9, 2], .unknown(Array("AMQP".utf8) + [0, 0, 9, 2])),
        ] as [([UInt8], ProtocolHeader)]
    )
    func aVersionIsKnownByItsNumbers(version: [UInt8], header: ProtocolHeader) {
        var buffer = ByteBuffer(bytes: Array("AMQP".utf8) + version + [7])
        #expect(ProtocolHeader(from: &buffer) == header)
        #expect(buffer.readableBytes == 1)
    }

    @Test(arguments: ["GET / HT", "AMQQ\0\0\u{9}\u{1}", "\u{16}\u{3}\u{1}\0\0\0\0\0"])
    func somethingElseIsUnknown(text: String) {
        var buffer = ByteBuffer(string: text)
        #expect(ProtocolHeader(from: &buffer) == .unknown(Array(text.utf8)))
    }

    @Test func lessThanEightOctetsAreNotEnough() {
        var buffer = ByteBuffer(string: "AMQP\0\0\u{9}")
        #expect(ProtocolHeader(from: &buffer) == nil)
        #expect(buffer.readableBytes == 7)
    }

    @Test func theAnswerIsTheHeaderOfTheVersionThatIsSpoken() {
        var buffer = ByteBuffer(bytes: ProtocolHeader.answer)
        #expect(ProtocolHeader(from: &buffer) == .amqp091)
    }
}
