import EnokiTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct FrameCases {
    private static func frameError(_ text: String) -> String { "0 connection.close 501 'FRAME_ERROR - \(text)' 0 0" }

    private static func unexpected(_ text: String) -> String {
        "0 connection.close 505 'UNEXPECTED_FRAME - \(text)' 0 0"
    }

    private static func frame(_ kind: UInt8, _ payload: [UInt8] = [], on channel: UInt16 = 1) -> RawFrame {
        RawFrame(kind: kind, channel: channel, payload: payload)
    }

    private static let impossibleFrames: [WireExchange] = [
        WireExchange("kind 0", [frame(0)], frameError("type 0, all octets = <<>>: unknown_frame")),
        WireExchange("kind 4", [frame(4, [1])], frameError("type 4, all octets = <<1>>: unknown_frame")),
        WireExchange(
            "kind 9, channel not open",
            [frame(9, on: 7)],
            frameError("type 9, all octets = <<>>: unknown_frame")
        ),
        WireExchange("kind 255", [frame(255, on: 0)], frameError("type 255, all octets = <<>>: unknown_frame")),
        WireExchange("method of 0 octets", [frame(1)], frameError("type 1, all octets = <<>>: unknown_frame")),
        WireExchange(
            "method of 3 octets",
            [frame(1, [0, 10, 0])],
            frameError("type 1, all octets = <<0,10,0>>: unknown_frame")
        ),
        WireExchange(
            "header of 11 octets",
            [frame(2, Array(repeating: 0, count: 11))],
            frameError("type 2, all octets = <<0,0,0,0,0,0,0,0,0,0,0>>: unknown_frame")
        ),
        WireExchange(
            "heartbeat with a payload",
            [frame(8, [120], on: 0)],
            frameError("type 8, all octets = <<\"x\">>: unknown_frame")
        ),
        WireExchange(
            "heartbeat with a payload on a channel",
            [frame(8, [120])],
            frameError("type 8, all octets = <<\"x\">>: unknown_frame")
        ),
        WireExchange("heartbeat on a channel", [frame(8)], unexpected("type 8, all octets = <<>>")),
        WireExchange(
            "header on channel 0",
            [.header(size: 0, on: 0)],
            unexpected("type 2, all octets = <<0,60,0,0,0,0,0,0,0,0,0,0,0,0>>")
        ),
        WireExchange("body on channel 0", [.body("abc", on: 0)], unexpected("type 3, all octets = <<\"abc\">>")),
    ]

    @Test(arguments: Self.impossibleFrames)
    func frameThatCannotBe(exchange: WireExchange) async throws { try await exchange.run() }

    private static let octetTexts: [([UInt8], String)] = [
        ([UInt8](), "<<>>"),
        (Array("a\"b\\c".utf8), #"<<"a\"b\\c">>"#),
        ([8, 9, 10, 11, 12, 13, 27], #"<<"\b\t\n\v\f\r\e">>"#),
        ([97, 127], "<<97,127>>"),
        ([97, 159], "<<97,159>>"),
        ([97, 0], "<<97,0>>"),
        ([0xE9, 116, 0xE9], #"<<"\xe9t\xe9">>"#),
        ([97, 0xA0, 0xFF], #"<<"a\xa0\xff">>"#),
        (Array("ä".utf8), #"<<"\xc3\xa4">>"#),
        (Array("€".utf8), "<<226,130,172>>"),
    ]

    /// As Erlang writes octets: as text where all can be printed.
    @Test(arguments: Self.octetTexts)
    func octetsAreToldAsErlangDoes(octets: [UInt8], text: String) async throws {
        let all = Self.unexpected("type 3, all octets = \(text)")
        try await WireExchange("", [RawFrame(kind: 3, channel: 0, payload: octets)], all).run()
    }

    private static let longOctetTexts: [([UInt8], UInt8, String)] = [
        (
            Array("abcdefghijklmnopqrstuvwxyz".utf8), 3,
            "type 3, first 16 octets = <<\"abcdefghijklmnop\">>"
        ),
        (
            Array(repeating: 128, count: 17), 3,
            #"type 3, first 16 octets = <<128,128,128,128,128,128,128,128,128,128,128,128,\n"#
                + "                            128,128,128,128>>"
        ),
        (
            Array(repeating: 128, count: 16), 3,
            #"type 3, all octets = <<128,128,128,128,128,128,128,128,128,128,128,128,128,128,\n"#
                + "                       128,128>>"
        ),
        (
            Array(repeating: 128, count: 13), 3,
            "type 3, all octets = <<128,128,128,128,128,128,128,128,128,128,128,128,128>>"
        ),
        (
            Array(repeating: 200, count: 12) + [1, 2, 1], 3,
            #"type 3, all octets = <<200,200,200,200,200,200,200,200,200,200,200,200,1,2,1>>"#
        ),
    ]

    @Test(arguments: Self.longOctetTexts)
    func manyOctetsAreCutAndWrapped(octets: [UInt8], kind: UInt8, text: String) async throws {
        let frame = RawFrame(kind: kind, channel: 0, payload: octets)
        try await WireExchange("", [frame], Self.unexpected(text)).run()
    }

    private static let wrongEnds: [(RawFrame, String)] = [
        (
            RawFrame(kind: 8, channel: 0, end: 1),
            "type 8, all octets = <<>>: {invalid_frame_end_marker,1}"
        ),
        (
            RawFrame(kind: 1, channel: 1, payload: Array("abc".utf8), end: 0),
            "type 1, all octets = <<\"abc\">>: {invalid_frame_end_marker,0}"
        ),
        (
            RawFrame(kind: 1, channel: 1, payload: [0, 50, 0, 10, 0, 0, 1, 113, 0, 0, 0, 0, 0], end: 65),
            #"type 1, all octets = <<0,50,0,10,0,0,1,113,0,0,0,0,0>>: {invalid_frame_end_marker,\n"#
                + String(repeating: " ", count: 57) + "65}"
        ),
        (
            RawFrame(kind: 3, channel: 1, payload: Array(repeating: 128, count: 30), end: 0),
            #"type 3, first 16 octets = <<128,128,128,128,128,128,128,128,128,128,128,128,\n"#
                + "                            128,128,128,128>>: {invalid_frame_end_marker,0}"
        ),
    ]

    @Test(arguments: Self.wrongEnds)
    func wrongEndIsTheLastWord(frame: RawFrame, text: String) async throws {
        try await conformOnWire { session in
            let client = try await session.connect()
            client.send(frame, .connectionClose, .connectionCloseOk)
            #expect(try await client.next() == Self.frameError(text))
            client.hangUp()
        }
    }

    @Test func sizeOfAFrameIsWhatWasAgreedOn() async throws {
        try await conformOnWire { session in
            for (agreed, size) in [(131_072, 131_073), (4096, 4097), (131_072, UInt32.max)] as [(UInt32, UInt32)] {
                let client = try await session.connect(tuneOk: .tuneOk(frameMax: agreed))
                // Its payload is not waited for.
                client.send(bytes: RawArgument.octets(of: [.octet(3), .short(1), .long(size)]))
                let reason = "type 3, all octets = <<>>: {frame_too_large,\(size),\(agreed - 8)}"
                #expect(try await client.next() == Self.frameError(reason))
                client.hangUp()
            }
        }
    }

    @Test func clientMayForgetThatAFrameHasHeadAndEnd() async throws {
        try await conformOnWire { session in
            for size in [131_064, 131_065, 131_072] {
                let client = try await session.connect()
                client.send(.message(String(repeating: "x", count: size), key: "nobody"))
                client.send(.confirmSelect(on: 1))
                #expect(try await client.next() == "1 confirm.select-ok")
            }
        }
    }

    @Test func afterALastWordNothingIsHeardForThreeSeconds() async throws {
        try await conformOnWire { session in
            let clock = ContinuousClock()
            let wrongEnd = try await session.connect()
            let begin = clock.now
            wrongEnd.send(RawFrame(kind: 8, channel: 0, end: 1), .connectionCloseOk, .connectionClose)
            let tooLarge = try await session.connect()
            tooLarge.send(bytes: [3, 0, 1, 255, 255, 255, 255])
            #expect(try await wrongEnd.next(2).last == RawConnection.end)
            #expect(clock.now - begin >= .milliseconds(2900))
            #expect(try await tooLarge.next(2).last == RawConnection.end)
        }
    }

    @Test func frameIsNotJudgedBeforeItIsThere() async throws {
        try await conformOnWire { session in
            let client = try await session.connect()
            let bytes = Self.frame(9, Array("abc".utf8)).bytes
            client.send(bytes: Array(bytes.dropLast()))
            try await Task.sleep(for: .milliseconds(50))
            client.send(bytes: [0])
            #expect(
                try await client.next()
                    == Self.frameError("type 9, all octets = <<\"abc\">>: {invalid_frame_end_marker,0}")
            )
            client.hangUp()
        }
    }
}
