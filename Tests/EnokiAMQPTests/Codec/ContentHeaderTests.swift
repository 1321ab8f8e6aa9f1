import EnokiBroker
import NIOCore
import Testing

@testable import EnokiAMQP

struct ContentHeaderTests {
    /// Every property, and the payload that pika 1.3, which is not ours, writes for them.
    private static let properties = BasicProperties(
        contentType: "application/json",
        contentEncoding: "utf-8",
        headers: ["a": .int32(1)],
        deliveryMode: .persistent,
        priority: 9,
        correlationID: "c",
        replyTo: "r",
        expiration: .milliseconds(60_000),
        messageID: "m",
        timestamp: 1_700_000_000,
        type: "t",
        userID: "u",
        appID: "a",
        clusterID: "cl"
    )
    private static let hex =
        "003c00000000000000000005fffc106170706c69636174696f6e2f6a736f6e057574662d380000000701614900000001020901630172"
        + "053630303030016d000000006553f10001740175016102636c"

    @Test func everyPropertyIsRead() throws {
        let header = try ContentHeader(from: ByteBuffer(hex: Self.hex))
        #expect(header.bodySize == 5)
        #expect(header.properties == Self.properties)
        #expect(header.encoded == Array(ByteBuffer(hex: Self.hex).readableBytesView.dropFirst(12)))
    }

    @Test func everyPropertyIsWritten() throws {
        var buffer = ByteBuffer()
        ContentHeader(bodySize: 5, properties: Self.properties).write(into: &buffer, channel: 0x0102)
        let frame = try buffer.readFrame(frameMax: 0)
        #expect(frame?.kind == .header)
        #expect(frame?.channel == 0x0102)
        #expect(frame?.payload.hex == Self.hex)
    }

    @Test func aMessageWithoutPropertiesHasNoFlags() throws {
        var buffer = ByteBuffer()
        ContentHeader(bodySize: 0, properties: BasicProperties()).write(into: &buffer, channel: 1)
        #expect(buffer.hex == "0200010000000e003c000000000000000000000000ce")
        let header = try ContentHeader(from: ByteBuffer(hex: "003c000000000000000000000000"))
        #expect(header.properties == BasicProperties())
    }

    @Test(arguments: 0..<14) func eachPropertyAloneIsReadAndWritten(position: Int) throws {
        let whole = try ContentHeader(from: ByteBuffer(hex: Self.hex)).properties
        let paths: [PartialKeyPath<BasicProperties>] = [
            \.contentType, \.contentEncoding, \.headers, \.deliveryMode, \.priority, \.correlationID, \.replyTo,
            \.expiration, \.messageID, \.timestamp, \.type, \.userID, \.appID, \.clusterID,
        ]
        var properties = BasicProperties()
        func take<Value>(_ path: PartialKeyPath<BasicProperties>, as: Value.Type) {
            guard let path = path as? WritableKeyPath<BasicProperties, Value> else { return }
            properties[keyPath: path] = whole[keyPath: path]
        }
        take(paths[position], as: String?.self)
        take(paths[position], as: Headers.self)
        take(paths[position], as: BasicProperties.DeliveryMode?.self)
        take(paths[position], as: UInt8?.self)
        take(paths[position], as: UInt64?.self)
        take(paths[position], as: Duration?.self)
        #expect(properties != BasicProperties())
        var buffer = ByteBuffer()
        properties.write(into: &buffer)
        #expect(buffer.getInteger(at: 0) == UInt16(0x8000) >> position)
        var reader = FieldReader(buffer)
        #expect(try reader.properties() == properties)
        #expect(reader.isAtEnd)
    }

    @Test func aHeaderThatEndsEarlyIsRefused() {
        let payload = ByteBuffer(hex: Self.hex)
        for length in 0..<payload.readableBytes {
            #expect(throws: SyntaxError.self, "\(length) octets") { try ContentHeader(from: payload.prefix(length)) }
        }
    }

    @Test func whatFollowsThePropertiesIsRefused() {
        let error = #expect(throws: SyntaxError.self) { try ContentHeader(from: ByteBuffer(hex: Self.hex + "00")) }
        #expect(error?.reason == .cannotDecode)
    }

    @Test func theFlagOfMoreFlagsIsIgnoredAsByRabbitMQ() throws {
        let header = try ContentHeader(from: ByteBuffer(hex: "003c000000000000000000000803" + "09"))
        #expect(header.properties == BasicProperties(priority: 9))
        #expect(throws: SyntaxError.self) {
            try ContentHeader(from: ByteBuffer(hex: "003c000000000000000000000801" + "0000" + "09"))
        }
    }

    @Test func aHeaderOfAnotherClassIsRefused() {
        let error = #expect(throws: SyntaxError.self) {
            try ContentHeader(from: ByteBuffer(hex: "003d000000000000000000000000"))
        }
        #expect(error?.reason == .wrongClass)
        #expect(error?.explanation == "expected content header for class 60, got one for class 61 instead")
    }

    @Test func aHeaderWithAWeightIsRefused() {
        let error = #expect(throws: SyntaxError.self) {
            try ContentHeader(from: ByteBuffer(hex: "003c000100000000000000000000"))
        }
        #expect(error?.reason == .wrongWeight)
        #expect(error?.explanation == "expected content header for class 60, got non content header frame instead")
    }

    @Test(arguments: ["abc", "", "0100", "+5", "-1", "1.5", "99999999999999999999", "315360000001"])
    func anExpirationThatIsNoPlainNumberStaysAsItIs(text: String) throws {
        var payload = ByteBuffer(hex: "003c000000000000000000000100")
        payload.writeShortString(text)
        let properties = try ContentHeader(from: payload).properties
        #expect(properties.expirationText == text)
        let expected: [String: Duration] = ["0100": .milliseconds(100), "+5": .milliseconds(5)]
        #expect(properties.expiration == expected[text])
        var buffer = ByteBuffer()
        properties.write(into: &buffer)
        #expect(buffer == payload.getSlice(at: 12, length: payload.readableBytes - 12))
    }

    @Test(arguments: [0, 1, 2, 3, 255] as [UInt8]) func anyDeliveryModeStaysAsItIs(octet: UInt8) throws {
        var payload = ByteBuffer(hex: "003c000000000000000000001000")
        payload.writeInteger(octet)
        let properties = try ContentHeader(from: payload).properties
        #expect(properties.deliveryModeOctet == octet)
        #expect(properties.deliveryMode == [1: .transient, 2: .persistent][octet])
        var buffer = ByteBuffer()
        properties.write(into: &buffer)
        #expect(buffer.hex.suffix(2) == payload.hex.suffix(2))
    }

    @Test func aPropertyThatIsNotUTF8IsRepairedButPassedOnAsItCame() throws {
        let header = try ContentHeader(from: ByteBuffer(hex: "003c000000000000000000010400" + "03c32841"))
        #expect(header.properties.correlationID == "\u{FFFD}(A")
        var buffer = ByteBuffer()
        header.write(into: &buffer, channel: 1)
        #expect(buffer.hex == "02000100000012003c000000000000000000010400" + "03c32841" + "ce")
    }

    @Test func anEmptyHeaderTableIsPassedOn() throws {
        let hex = "003c000000000000000000002000" + "00000000"
        let header = try ContentHeader(from: ByteBuffer(hex: hex))
        #expect(header.properties == BasicProperties())
        var buffer = ByteBuffer()
        header.write(into: &buffer, channel: 1)
        #expect(try buffer.readFrame(frameMax: 0)?.payload.hex == hex)
    }
}
