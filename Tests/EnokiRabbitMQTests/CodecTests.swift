import EnokiBroker
import Testing

@testable import EnokiRabbitMQ

/// What our encoder writes, librabbitmq's decoder reads; and what no honest peer writes harms nobody.
@Suite struct CodecTests {
    static let everyKind: Headers = [
        "bool": true, "int8": .int8(-8), "uint8": .uint8(200), "int16": .int16(-1616), "uint16": .uint16(60_000),
        "int32": .int32(-32), "uint32": .uint32(4_000_000_000), "int64": .int64(.min), "uint64": .uint64(.max),
        "float": .float(1.5), "double": .double(-0.1), "decimal": .decimal(scale: 2, value: 314),
        "string": "grüße", "bytes": .bytes([0, 255, 1]), "array": [1, "two", [true, .void]],
        "timestamp": .timestamp(1_700_000_000), "table": ["inner": ["deep": 1]], "void": .void,
        "empty array": [], "empty table": [:], "empty string": "", "": "empty name",
    ]

    static let everyProperty = BasicProperties(
        contentType: "application/json",
        contentEncoding: "utf-8",
        headers: everyKind,
        deliveryMode: .persistent,
        priority: 9,
        correlationID: "c",
        replyTo: "r",
        expiration: .milliseconds(60_000),
        messageID: "m",
        timestamp: 1_700_000_000,
        type: "t",
        userID: "guest",
        appID: "a",
        clusterID: "cl"
    )

    /// Puts a message in and takes it out again, as the broker would deliver it.
    private func roundTrip(_ properties: BasicProperties, body: [UInt8]) throws -> Content? {
        let buffer = OutputBuffer(frameMax: WireLimits.frameMax)
        let arena = EncodingArena()
        try buffer.appendHeader(arena.properties(properties), bodySize: body.count, channel: 1)
        buffer.appendBody(body, channel: 1)
        return try Self.assemble(buffer.withUnsent { Array($0) })
    }

    private static func assemble(_ bytes: [UInt8], maxBodySize: Int = 1 << 24) throws -> Content? {
        var assembly = ContentAssembly(maxBodySize: maxBodySize)
        try assembly.begin(.delivery(.init(tag: 1, redelivered: false, exchange: "", routingKey: "")))
        var content: Content?
        var failure: (any Error)?
        try FrameDecoder.withoutConnection { decoder in
            try decoder.decode(bytes) { frame in
                do { content = try assembly.add(frame) } catch { failure = error }
                return failure == nil
            }
        }
        if let failure { throw failure }
        return content
    }

    @Test(arguments: [0, 4, 7, 9, 66, 255] as [UInt8])
    func aFrameOfATypeThatAMQPDoesNotHaveIsNotPassedOver(type: UInt8) throws {
        let heartbeat: [UInt8] = [8, 0, 0, 0, 0, 0, 0, 206]
        let frame = [type, 0, 1, 0, 0, 0, 3, 1, 2, 3, 206]
        // In one piece, and octet by octet, with and without another frame behind it.
        for (bytes, size) in [(frame, 11), (frame + heartbeat, 19), (frame, 1)] {
            try FrameDecoder.withoutConnection { decoder in
                try decoder.decode(heartbeat) { _ in true }
                #expect(throws: FrameDecoder.Failure.self) {
                    for start in stride(from: 0, to: bytes.count, by: size) {
                        try decoder.decode(Array(bytes[start..<min(start + size, bytes.count)])) { _ in true }
                    }
                }
            }
        }
    }

    /// librabbitmq would take both for heartbeats, and keep memory for each number of a channel.
    @Test(arguments: [[8, 0, 1, 0, 0, 0, 0, 206], [8, 0, 0, 0, 0, 0, 1, 7, 206]] as [[UInt8]])
    func aHeartbeatIsOnChannelZeroAndEmpty(frame: [UInt8]) throws {
        for size in 1...frame.count {
            try FrameDecoder.withoutConnection { decoder in
                #expect(throws: FrameDecoder.Failure.self) {
                    for start in stride(from: 0, to: frame.count, by: size) {
                        try decoder.decode(Array(frame[start..<min(start + size, frame.count)])) { _ in true }
                    }
                }
            }
        }
    }

    @Test func theDecoderKnowsWhetherItIsWithinAFrame() throws {
        let frame: [UInt8] = [3, 0, 1, 0, 0, 1, 0] + [UInt8](repeating: 1, count: 256) + [206]
        try FrameDecoder.withoutConnection { decoder in
            #expect(decoder.unfinished == nil)
            for (index, octet) in (frame + frame).enumerated() {
                try decoder.decode([octet]) { _ in true }
                let place = index % frame.count + 1
                #expect(decoder.unfinished == (place == frame.count ? nil : place < 7 ? 0 : 256))
            }
            try decoder.decode(frame + frame[..<100]) { _ in true }
            #expect(decoder.unfinished == 256)
        }
    }

    /// A quorum queue counts a `basic.reject` as a failure, with requeue too (RabbitMQ 4.3).
    @Test func whatIsRequeuedIsNoFailureAndWhatIsRejectedIs() throws {
        let tag: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 5]
        for (answer, arguments) in [
            (Acknowledgement.ack, [0, 60, 0, 80] + tag + [0]), (.requeue, [0, 60, 0, 120] + tag + [2]),
            (.reject, [0, 60, 0, 90] + tag + [0]),
        ] {
            let buffer = OutputBuffer(frameMax: WireLimits.frameMax)
            try buffer.append(.acknowledge(answer, tag: 5), channel: 1, arena: EncodingArena())
            #expect(buffer.withUnsent { Array($0) } == [1, 0, 1, 0, 0, 0, 13] + arguments + [206])
        }
    }

    @Test func aFrameMayComeInAnyPieces() throws {
        let frames: [UInt8] = [3, 0, 1, 0, 0, 0, 3, 1, 2, 3, 206, 8, 0, 0, 0, 0, 0, 0, 206, 3, 0, 1, 0, 0, 0, 0, 206]
        for size in 1...frames.count {
            var count = 0
            try FrameDecoder.withoutConnection { decoder in
                for start in stride(from: 0, to: frames.count, by: size) {
                    try decoder.decode(Array(frames[start..<min(start + size, frames.count)])) { _ in
                        count += 1
                        return true
                    }
                }
            }
            #expect(count == 3)
        }
    }

    @Test func everyPropertyAndEveryKindOfHeaderSurvives() throws {
        let content = try #require(try self.roundTrip(Self.everyProperty, body: [1, 2, 3]))
        #expect(try content.message.get() == Message(body: [1, 2, 3], properties: Self.everyProperty))
    }

    @Test func absentPropertiesStayAbsent() throws {
        let content = try #require(try self.roundTrip(BasicProperties(), body: []))
        #expect(try content.message.get() == Message(body: []))
    }

    @Test(arguments: [1, 131_063, 131_064, 131_065, 262_128, 1_000_000])
    func bodiesOfEverySizeSurvive(_ size: Int) throws {
        let body = (0..<size).map { UInt8(truncatingIfNeeded: $0) }
        let content = try #require(try self.roundTrip(BasicProperties(), body: body))
        #expect(try content.message.get().body == body)
    }

    @Test func aStringThatIsNotUTF8IsReadAsBytes() throws {
        let content = try #require(try Self.assemble(Self.header(table: [1, 0x6E, 0x53, 0, 0, 0, 2, 0xFF, 0xFE])))
        #expect(try content.message.get().properties.headers == ["n": .bytes([0xFF, 0xFE])])
    }

    @Test(arguments: [
        ("", nil), ("x", nil), ("-1", nil), ("12", Duration.milliseconds(12)), ("9223372036854775808", nil),
    ])
    func anExpirationThatIsNoNumberIsReadAsAbsent(_ text: String, _ expected: Duration?) throws {
        let property = [UInt8(text.utf8.count)] + Array(text.utf8)
        let content = try #require(try Self.assemble(Self.header(flags: 1 << 8, property)))
        #expect(try content.message.get().properties.expiration == expected)
    }

    @Test func theLongestExpirationIsTheBrokers() throws {
        let longest = WireLimits.longestTime.wholeMilliseconds
        for (milliseconds, expected) in [(longest, WireLimits.longestTime), (longest + 1, nil)] {
            let property = [UInt8("\(milliseconds)".utf8.count)] + Array("\(milliseconds)".utf8)
            let content = try #require(try Self.assemble(Self.header(flags: 1 << 8, property)))
            #expect(try content.message.get().properties.expiration == expected)
        }
    }

    @Test func anExpirationTravelsInWholeMillisecondsRoundedUp() {
        #expect(Duration.microseconds(1).wholeMilliseconds == 1)
        #expect(Duration.milliseconds(1500).wholeMilliseconds == 1500)
        #expect(Duration.zero.wholeMilliseconds == 0)
        #expect(Duration.seconds(Int64.max).wholeMilliseconds == .max)
    }

    // MARK: - Hostile input

    private static func big(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.bigEndian) { Array($0) }
    }

    /// A header frame with the given properties, written by hand.
    private static func header(
        flags: UInt16,
        _ properties: [UInt8],
        bodySize: UInt64 = 0,
        classID: UInt16 = 60
    ) -> [UInt8] {
        let payload = Self.big(classID) + [0, 0] + Self.big(bodySize) + Self.big(flags) + properties
        return [2, 0, 1] + Self.big(UInt32(payload.count)) + payload + [0xCE]
    }

    /// A header frame with the given table of headers, without its size.
    private static func header(table: [UInt8], bodySize: UInt64 = 0) -> [UInt8] {
        Self.header(flags: 1 << 13, Self.big(UInt32(table.count)) + table, bodySize: bodySize)
    }

    /// A header named `n` of tables, or arrays, in one another.
    private static func nested(_ depth: Int, arrays: Bool) -> [UInt8] {
        var bytes: [UInt8] = []
        // From the inside, written backwards.
        for _ in 0..<depth {
            let size = UInt32(bytes.count)
            let length = (0..<4).map { UInt8(truncatingIfNeeded: size >> (8 * $0)) }
            bytes += length
            bytes.append(arrays ? UInt8(ascii: "A") : UInt8(ascii: "F"))
            if !arrays { bytes += [UInt8(ascii: "n"), 1] }
        }
        if arrays { bytes += [UInt8(ascii: "n"), 1] }
        return bytes.reversed()
    }

    @Test(arguments: [false, true]) func headersNestUpToTheLimit(arrays: Bool) throws {
        // The table of the headers is itself the first level.
        let deepest = try #require(try Self.assemble(Self.header(table: Self.nested(31, arrays: arrays))))
        #expect(throws: Never.self) { try deepest.message.get() }
        let deeper = try #require(try Self.assemble(Self.header(table: Self.nested(32, arrays: arrays))))
        #expect(throws: UnacceptableContent.self) { try deeper.message.get() }
    }

    @Test(arguments: [false, true]) func theDeepestHeadersThatFitIntoAFrameAreRefused(arrays: Bool) async throws {
        let bytes = Self.header(table: Self.nested(arrays ? 26_000 : 18_000, arrays: arrays))
        #expect(bytes.count < WireLimits.frameMax)
        // On a thread like that of a connection: librabbitmq decodes by recursion.
        let isRefused = await withCheckedContinuation { done in
            let started = OwnThread.start(stackSize: Connection.stackSize) {
                let content = try? Self.assemble(bytes)
                guard case .failure(let failure) = content?.message else { return done.resume(returning: false) }
                done.resume(returning: failure.defect.explanation.contains("32"))
            }
            if !started { done.resume(returning: false) }
        }
        #expect(isRefused)
    }

    @Test func aBodyLongerThanTheLimitIsReadToItsEndAndForgotten() throws {
        let buffer = OutputBuffer(frameMax: WireLimits.frameMax)
        buffer.appendBody([UInt8](repeating: 7, count: 300_000), channel: 1)
        let bytes = Self.header(table: [], bodySize: 300_000) + buffer.withUnsent { Array($0) }
        let content = try #require(try Self.assemble(bytes, maxBodySize: 299_999))
        let failure = #expect(throws: UnacceptableContent.self) { try content.message.get() }
        #expect(failure?.defect == .bodyTooLarge(size: 300_000, limit: 299_999))
        #expect(try Self.assemble(bytes, maxBodySize: 300_000)?.message.get().body.count == 300_000)
    }

    @Test func anAnnouncedBodyThatDoesNotComeTakesNoMemory() throws {
        #expect(try Self.assemble(Self.header(table: [], bodySize: 1 << 62)) == nil)
    }

    @Test func aBodyLongerThanAnnouncedIsAViolation() {
        let buffer = OutputBuffer(frameMax: WireLimits.frameMax)
        buffer.appendBody([1, 2, 3], channel: 1)
        let bytes = Self.header(table: [], bodySize: 2) + buffer.withUnsent { Array($0) }
        #expect(throws: ContentAssembly.Violation.self) { try Self.assemble(bytes) }
    }

    @Test func framesOutOfOrderAreAViolation() throws {
        let body: [UInt8] = [3, 0, 1, 0, 0, 0, 1, 7, 0xCE]
        let header = Self.header(flags: 0, [], bodySize: 1)
        for bytes in [body, header + header, header + body + body, Self.header(flags: 0, [], classID: 50)] {
            #expect(throws: ContentAssembly.Violation.self) { try Self.assemble(bytes) }
        }
        var assembly = ContentAssembly(maxBodySize: 10)
        let origin = Content.Origin.delivery(.init(tag: 1, redelivered: false, exchange: "", routingKey: ""))
        try assembly.begin(origin)
        #expect(throws: ContentAssembly.Violation.self) { try assembly.begin(origin) }
    }

    @Test func mutatedFramesEndInAnErrorAndNeverInATrap() throws {
        let buffer = OutputBuffer(frameMax: WireLimits.frameMax)
        let arena = EncodingArena()
        try buffer.appendHeader(arena.properties(Self.everyProperty), bodySize: 40, channel: 1)
        buffer.appendBody([UInt8](repeating: 1, count: 40), channel: 1)
        let honest = buffer.withUnsent { Array($0) }
        var seed: UInt64 = 42
        func random(_ bound: Int) -> Int {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((seed >> 33) % UInt64(bound))
        }
        var intact = 0
        for _ in 0..<5000 {
            var bytes = honest
            for _ in 0...random(3) { bytes[random(bytes.count)] = UInt8(random(256)) }
            if (try? Self.assemble(bytes)) != nil { intact += 1 }
        }
        // Else only the decoder's front door was tested.
        #expect(intact > 100)
    }

    // MARK: - Limits of what is sent

    @Test func whatTheProtocolCannotCarryIsRefusedBeforeItIsSent() throws {
        let long = String(repeating: "ä", count: 128)
        func refused(
            _ properties: BasicProperties = BasicProperties(),
            exchange: String = "",
            key: String = "",
            size: Int = 0,
            sourceLocation: SourceLocation = #_sourceLocation
        ) {
            let error = #expect(throws: BrokerError.self, sourceLocation: sourceLocation) {
                try Publication(
                    Message(body: [UInt8](repeating: 0, count: size), properties: properties),
                    to: exchange,
                    routingKey: key,
                    mandatory: false,
                    deadline: .now,
                    maxBodySize: 100
                ) { _ in }
            }
            #expect(error?.code == .invalidArgument, sourceLocation: sourceLocation)
        }
        refused(exchange: long)
        refused(key: long)
        refused(key: "a\0b")
        refused(size: 101)
        refused(BasicProperties(contentType: long))
        refused(BasicProperties(contentEncoding: long))
        refused(BasicProperties(correlationID: long))
        refused(BasicProperties(replyTo: long))
        refused(BasicProperties(messageID: long))
        refused(BasicProperties(type: long))
        refused(BasicProperties(userID: long))
        refused(BasicProperties(appID: long))
        refused(BasicProperties(clusterID: long))
        refused(BasicProperties(expiration: .seconds(-1)))
        refused(BasicProperties(expiration: .seconds(Int64.max)))
        refused(BasicProperties(headers: [long: 1]))
        refused(BasicProperties(headers: ["n": .bytes([UInt8](repeating: 0, count: 131_072))]))
        var deep: FieldValue = 1
        for _ in 0..<32 { deep = [deep] }
        refused(BasicProperties(headers: ["n": deep]))
        deep = 1
        for _ in 0..<32 { deep = ["n": deep] }
        refused(BasicProperties(headers: ["n": deep]))
    }

    @Test func headersThatJustFitAreEncoded() throws {
        let limit = WireLimits.frameMax - 12 * 256
        let short = String(repeating: "x", count: 255)
        let properties = BasicProperties(
            contentType: short,
            contentEncoding: short,
            headers: ["n": .bytes([UInt8](repeating: 0, count: limit - 4 - 2 - 5))],
            correlationID: short,
            replyTo: short,
            expiration: .seconds(1),
            messageID: short,
            timestamp: 1,
            type: short,
            userID: short,
            appID: short,
            clusterID: short
        )
        _ = try Publication(
            Message(body: [], properties: properties),
            to: "",
            routingKey: "",
            mandatory: false,
            deadline: .now,
            maxBodySize: 0
        ) { _ in }
        let content = try #require(try self.roundTrip(properties, body: []))
        #expect(try content.message.get().properties == properties)
    }
}
