import EnokiTestSupport
import Testing

/// After `connection.tune-ok` a client hears what it does wrong.
@Suite(.timeLimit(.minutes(5))) struct OpeningCases {
    private static let unexpected = "CHANNEL_ERROR - unexpected method in connection state opening"

    private static let mistakes: [WireExchange] = [
        WireExchange(
            "missing virtual host",
            at: .opening,
            [.connectionOpen("nope")],
            "0 connection.close 530 'NOT_ALLOWED - vhost nope not found' 10 40"
        ),
        WireExchange(
            "virtual host without a name",
            at: .opening,
            [.connectionOpen("")],
            "0 connection.close 530 'NOT_ALLOWED - vhost  not found' 10 40"
        ),
        WireExchange(
            "virtual host that is not UTF-8",
            at: .opening,
            [.method(10, 40, .shortBytes([0xFF]), .shortString(""), .octet(0), on: 0)],
            "0 connection.close 501 'FRAME_ERROR - Malformed UTF-8 in shortstr' 10 40"
        ),
        WireExchange(
            "second tune-ok",
            at: .opening,
            [.tuneOk()],
            "0 connection.close 504 '\(Self.unexpected)' 10 31"
        ),
        WireExchange(
            "second start-ok",
            at: .opening,
            [.startOk()],
            "0 connection.close 504 '\(Self.unexpected)' 10 11"
        ),
        WireExchange(
            "close before open",
            at: .opening,
            [.connectionClose],
            "0 connection.close 504 '\(Self.unexpected)' 10 50"
        ),
        WireExchange(
            "channel before open",
            at: .opening,
            [.channelOpen(1)],
            "0 connection.close 505 'UNEXPECTED_FRAME - type 1, all octets = <<0,20,0,10,0>>' 0 0"
        ),
        WireExchange(
            "heartbeat on a channel",
            at: .opening,
            [RawFrame(kind: 8, channel: 1)],
            "0 connection.close 505 'UNEXPECTED_FRAME - type 8, all octets = <<>>' 0 0"
        ),
        WireExchange(
            "content",
            at: .opening,
            [.header(size: 0, on: 0)],
            "0 connection.close 505 'UNEXPECTED_FRAME - type 2, all octets = <<0,60,0,0,0,0,0,0,0,0,0,0,0,0>>' 0 0"
        ),
        WireExchange(
            "unknown frame",
            at: .opening,
            [RawFrame(kind: 9, channel: 0, payload: Array("xyz".utf8))],
            "0 connection.close 501 'FRAME_ERROR - type 9, all octets = <<\"xyz\">>: unknown_frame' 0 0"
        ),
        WireExchange(
            "nothing is heard after the end",
            at: .opening,
            [.connectionOpen("nope"), .connectionOpen("/"), .channelOpen(1), RawFrame(kind: 9, channel: 0)],
            "0 connection.close 530 'NOT_ALLOWED - vhost nope not found' 10 40"
        ),
    ]

    @Test(arguments: Self.mistakes)
    func isToldWhatIsWrong(exchange: WireExchange) async throws { try await exchange.run() }
}
