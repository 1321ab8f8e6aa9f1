import EnokiBroker
import NIOCore
import Testing

@testable import EnokiAMQP

/// The frames are those that pika 1.3, which is not ours, writes.
struct ServerMethodTests {
    typealias Example = (method: ServerMethod, hex: String)

    private static let connection: [Example] = [
        (
            .connectionStart(
                serverProperties: ["product": "Enoki"],
                mechanisms: "PLAIN AMQPLAIN",
                locales: "en_US"
            ),
            "01010200000037000a000a0009000000120770726f647563745300000005456e6f6b690000000e504c41494e20414d51504c41494e"
                + "00000005656e5f5553ce"
        ),
        (.connectionSecure(challenge: Array("c".utf8)), "01010200000009000a00140000000163ce"),
        (
            .connectionTune(ConnectionTune(channelMax: 2047, frameMax: 131_072, heartbeat: 60)),
            "0101020000000c000a001e07ff00020000003cce"
        ),
        (.connectionOpenOk, "01010200000005000a002900ce"),
        (
            .connectionClose(
                Close(code: 320, text: "CONNECTION_FORCED - bye", classID: 0x1234, methodID: 0x5678)
            ),
            "01010200000022000a0032014017434f4e4e454354494f4e5f464f52434544202d2062796512345678ce"
        ),
        (.connectionCloseOk, "01010200000004000a0033ce"),
        (
            .connectionBlocked(reason: "low on memory"),
            "01010200000012000a003c0d6c6f77206f6e206d656d6f7279ce"
        ),
        (.connectionUnblocked, "01010200000004000a003dce"),
        (.connectionUpdateSecretOk, "01010200000004000a0047ce"),
    ]

    private static let channel: [Example] = [
        (.channelOpenOk, "010102000000080014000b00000000ce"),
        (.channelFlow(active: false), "010102000000050014001400ce"),
        (.channelFlowOk(active: true), "010102000000050014001501ce"),
        (
            .channelClose(Close(code: 404, text: "NOT_FOUND", classID: 50, methodID: 10)),
            "01010200000014001400280194094e4f545f464f554e440032000ace"
        ),
        (.channelCloseOk, "0101020000000400140029ce"),
        (.accessRequestOk(ticket: 1), "01010200000006001e000b0001ce"),
    ]

    private static let topology: [Example] = [
        (.exchangeDeclareOk, "010102000000040028000bce"),
        (.exchangeDeleteOk, "0101020000000400280015ce"),
        (.exchangeBindOk, "010102000000040028001fce"),
        (.exchangeUnbindOk, "0101020000000400280033ce"),
        (
            .queueDeclareOk(QueueStatus(name: "q", messageCount: 3, consumerCount: 2)),
            "0101020000000e0032000b01710000000300000002ce"
        ),
        (.queueBindOk, "0101020000000400320015ce"),
        (.queueUnbindOk, "0101020000000400320033ce"),
        (.queuePurgeOk(messageCount: 258), "010102000000080032001f00000102ce"),
        (.queueDeleteOk(messageCount: 259), "010102000000080032002900000103ce"),
    ]

    private static let basic: [Example] = [
        (.basicQosOk, "01010200000004003c000bce"),
        (.basicConsumeOk(consumerTag: "t"), "01010200000006003c00150174ce"),
        (.basicCancel(consumerTag: "t"), "01010200000007003c001e017401ce"),
        (.basicCancelOk(consumerTag: "t"), "01010200000006003c001f0174ce"),
        (
            .basicReturn(code: 312, text: "NO_ROUTE", exchange: "x", routingKey: "k"),
            "01010200000013003c00320138084e4f5f524f5554450178016bce"
        ),
        (
            .basicDeliver(
                consumerTag: "t",
                deliveryTag: 258,
                redelivered: true,
                exchange: "x",
                routingKey: "k"
            ),
            "01010200000013003c003c01740000000000000102010178016bce"
        ),
        (
            .basicGetOk(
                deliveryTag: 258,
                redelivered: false,
                exchange: "x",
                routingKey: "k",
                messageCount: 5
            ),
            "01010200000015003c00470000000000000102000178016b00000005ce"
        ),
        (.basicGetEmpty, "01010200000005003c004800ce"),
        (.basicAck(258, multiple: true), "0101020000000d003c0050000000000000010201ce"),
        (.basicNack(258, multiple: true), "0101020000000d003c0078000000000000010201ce"),
        (.basicRecoverOk, "01010200000004003c006fce"),
        (.confirmSelectOk, "010102000000040055000bce"),
        (.txSelectOk, "01010200000004005a000bce"),
        (.txCommitOk, "01010200000004005a0015ce"),
        (.txRollbackOk, "01010200000004005a001fce"),
    ]

    @Test(arguments: connection + channel + topology + basic)
    func aMethodIsWrittenAsAnotherServerWouldWriteIt(method: ServerMethod, hex: String) {
        var buffer = ByteBuffer()
        method.write(into: &buffer, channel: 0x0102)
        #expect(buffer.hex == hex)
    }

    @Test func aMethodIsWrittenBehindWhatIsThere() throws {
        var buffer = ByteBuffer(string: "before")
        ServerMethod.basicQosOk.write(into: &buffer, channel: 1)
        ServerMethod.basicConsumeOk(consumerTag: "t").write(into: &buffer, channel: 2)
        #expect(buffer.readString(length: 6) == "before")
        #expect(try buffer.readFrame(frameMax: 0)?.channel == 1)
        #expect(try buffer.readFrame(frameMax: 0)?.payload.hex == "003c00150174")
        #expect(buffer.readableBytes == 0)
    }

    @Test func aCountThatDoesNotFitIsTheLargestThatDoes() throws {
        var buffer = ByteBuffer()
        ServerMethod.queuePurgeOk(messageCount: .max).write(into: &buffer, channel: 1)
        ServerMethod.queuePurgeOk(messageCount: -1).write(into: &buffer, channel: 1)
        #expect(try buffer.readFrame(frameMax: 0)?.payload.hex == "0032001fffffffff")
        #expect(try buffer.readFrame(frameMax: 0)?.payload.hex == "0032001f00000000")
    }

    @Test(
        arguments: [
            (String(repeating: "a", count: 255), 255), (String(repeating: "a", count: 256), 255),
            (String(repeating: "é", count: 128), 254), ("a" + String(repeating: "é", count: 127), 255),
            (String(repeating: "🙂", count: 100), 252), (String(repeating: "\u{FFFD}", count: 255), 255),
        ]
    )
    func aShortStringIsCutBeforeTheCharacterThatDoesNotFit(text: String, length: Int) {
        var buffer = ByteBuffer()
        buffer.writeShortString(text)
        buffer.writeInteger(UInt8(7))
        #expect(buffer.readInteger(as: UInt8.self).map(Int.init) == length)
        let written = buffer.readString(length: length) ?? ""
        #expect(text.hasPrefix(written))
        #expect(written.utf8.count == length)
        #expect(buffer.readableBytes == 1, "what is written next comes right behind it")
    }
}
