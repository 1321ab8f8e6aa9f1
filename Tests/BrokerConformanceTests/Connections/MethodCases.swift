import EnokiBroker
import EnokiTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct MethodCases {
    private static func unexpected(_ ids: String) -> String {
        "0 connection.close 504 'CHANNEL_ERROR - unexpected method in connection state running' \(ids)"
    }

    private static func unimplemented(_ ids: String) -> String {
        "0 connection.close 503 'COMMAND_INVALID - unimplemented method' \(ids)"
    }

    private static func notOpen(_ ids: String) -> String {
        "0 connection.close 504 'CHANNEL_ERROR - expected 'channel.open'' \(ids)"
    }

    private static func cannotDecode(_ octets: String, _ ids: String) -> String {
        "0 connection.close 501 'FRAME_ERROR - cannot decode <<\(octets)>>' \(ids)"
    }

    private static let blocked = RawFrame.method(10, 60, .shortString("x"), on: 0)

    private static let onChannel0: [WireExchange] = [
        WireExchange("second open", [.connectionOpen("/")], unexpected("10 40")),
        WireExchange("second start-ok", [.startOk()], unexpected("10 11")),
        WireExchange("second tune-ok", [.tuneOk()], unexpected("10 31")),
        WireExchange("secure-ok", [.method(10, 21, .longString("x"), on: 0)], unexpected("10 21")),
        WireExchange("close-ok", [.connectionCloseOk], unexpected("10 51")),
        WireExchange("blocked, which is a server's", [blocked], unexpected("10 60")),
        WireExchange("channel.open", [.channelOpen(0)], unexpected("20 10")),
        WireExchange("basic.ack", [.method(.basicAck(1), on: 0)], unexpected("60 80")),
        WireExchange("basic.publish", [.publish(on: 0)], unexpected("60 40")),
    ]

    @Test(arguments: Self.onChannel0)
    func onChannel0OnlyTheConnectionIsClosed(exchange: WireExchange) async throws { try await exchange.run() }

    @Test func secretMayBeUpdated() async throws {
        let update = RawFrame.method(10, 70, .longString("new"), .shortString("old"), on: 0)
        try await WireExchange("", [update], "0 connection.update-secret-ok").run()
    }

    private static let notOfClients: [WireExchange] = [
        WireExchange("connection.open", [.connectionOpen("/", on: 1)], unimplemented("10 40")),
        WireExchange("connection.close", [.connectionClose(on: 1)], unimplemented("10 50")),
        WireExchange("connection.close-ok", [.method(10, 51, on: 1)], unimplemented("10 51")),
        WireExchange("channel.close-ok", [.channelCloseOk(1)], unimplemented("20 41")),
        WireExchange("channel.flow-ok", [.method(20, 21, .octet(1), on: 1)], unimplemented("20 21")),
        WireExchange("channel.open-ok", [.method(20, 11, .longString(""), on: 1)], unimplemented("20 11")),
        WireExchange(
            "queue.declare-ok",
            [.method(50, 11, .shortString("q"), .long(0), .long(0), on: 1)],
            unimplemented("50 11")
        ),
        WireExchange("basic.cancel-ok", [.method(60, 31, .shortString("c"), on: 1)], unimplemented("60 31")),
    ]

    @Test(arguments: Self.notOfClients)
    func methodThatIsNotAClientsOnAChannel(exchange: WireExchange) async throws { try await exchange.run() }

    private static let onClosedChannels: [WireExchange] = [
        WireExchange("connection.close", [.connectionClose(on: 5)], notOpen("10 50")),
        WireExchange("channel.close", [.channelClose(5)], notOpen("20 40")),
        WireExchange("channel.close-ok", [.channelCloseOk(5)], notOpen("20 41")),
        WireExchange("basic.ack", [.method(.basicAck(1), on: 5)], notOpen("60 80")),
        WireExchange("confirm.select", [.confirmSelect(on: 65_535)], notOpen("85 10")),
        WireExchange("basic.publish with its content", .message("m", on: 5), notOpen("60 40")),
        WireExchange("method that is a server's", [.method(60, 31, .shortString("c"), on: 5)], notOpen("60 31")),
    ]

    @Test(arguments: Self.onClosedChannels)
    func methodOnAChannelThatIsNotOpen(exchange: WireExchange) async throws { try await exchange.run() }

    @Test func publishOnAChannelThatIsNotOpenWaitsForItsContent() async throws {
        try await conformOnWire { session in
            let client = try await session.connect()
            client.send(.publish(on: 5), .header(size: 1, on: 5), .confirmSelect(on: 1))
            #expect(try await client.next() == "1 confirm.select-ok")
            client.send(.body("m", on: 5))
            #expect(try await client.next() == Self.notOpen("60 40"))
        }
    }

    private static let notOpening: [WireExchange] = [
        WireExchange("header", [.header(size: 1, on: 5)], Self.noMethod),
        WireExchange("body", [.body("m", on: 5)], Self.noMethod),
        WireExchange("second open", [.channelOpen(1)], Self.secondOpen),
    ]

    @Test(arguments: Self.notOpening)
    func frameThatDoesNotOpenAChannel(exchange: WireExchange) async throws { try await exchange.run() }

    private static let noMethod =
        "0 connection.close 505 'UNEXPECTED_FRAME - expected method frame, got non method frame instead' 0 0"
    private static let secondOpen = "0 connection.close 504 'CHANNEL_ERROR - second 'channel.open' seen' 20 10"
    private static let notUTF8 = "0 connection.close 501 'FRAME_ERROR - Malformed UTF-8 in shortstr' 0 0"

    private static let malformedArguments: [WireExchange] = [
        WireExchange("too short", [.method(60, 80, .octet(0), on: 1)], cannotDecode("0", "60 80")),
        WireExchange("nothing", [.method(60, 80, on: 1)], cannotDecode("", "60 80")),
        WireExchange(
            "too long",
            [.method(60, 80, .longlong(0), .octet(0), .bytes(Array("xx".utf8)), on: 1)],
            cannotDecode("0,0,0,0,0,0,0,0,0,120,120", "60 80")
        ),
        WireExchange(
            "short string longer than the frame",
            [.method(50, 10, .short(0), .bytes([9, 97, 98, 99]), on: 1)],
            cannotDecode("0,0,9,97,98,99", "50 10")
        ),
        WireExchange(
            "table longer than the frame",
            [.method(50, 10, .short(0), .shortString("q"), .octet(0), .long(80), .bytes(Array("abc".utf8)), on: 1)],
            cannotDecode("0,0,1,113,0,0,0,0,80,97,98,99", "50 10")
        ),
        WireExchange("on a channel that is not open", [.method(60, 80, .octet(0), on: 5)], cannotDecode("0", "60 80")),
        WireExchange(
            "name that is not UTF-8",
            [.method(50, 10, .short(0), .shortBytes([0xFF, 0xFE]), .octet(0), .table([:]), on: 1)],
            notUTF8
        ),
        WireExchange(
            "kind of exchange that is not UTF-8",
            [.method(40, 10, .short(0), .shortString("x"), .shortBytes([0xFF]), .octet(0), .table([:]), on: 1)],
            notUTF8
        ),
        WireExchange(
            "close that is too long",
            [.method(10, 50, .short(200), .shortString(""), .long(0), .octet(0), on: 0)],
            "0 connection.close 541 'INTERNAL_ERROR' 0 0"
        ),
    ]

    @Test(arguments: Self.malformedArguments)
    func argumentsThatCannotBeDecoded(exchange: WireExchange) async throws { try await exchange.run() }

    private static let crashes: [WireExchange] = [
        WireExchange("unknown method", [.method(60, 99, on: 1)], RawConnection.end),
        WireExchange("unknown method on a channel that is not open", [.method(60, 99, on: 9)], RawConnection.end),
        WireExchange("unknown class", [.method(77, 1, on: 1)], RawConnection.end),
        WireExchange("unknown class on channel 0", [.method(77, 1, on: 0)], RawConnection.end),
        WireExchange("field that is cut", [declare(table: [5, 97, 98, 99])], RawConnection.end),
        WireExchange("unknown kind of field", [declare(table: [1, 97, UInt8(ascii: "Z"), 49])], RawConnection.end),
    ]

    /// RabbitMQ's reader of the connection crashes.
    @Test(arguments: Self.crashes)
    func unknownMethodOrMalformedTableEndsTheConnection(exchange: WireExchange) async throws {
        try await exchange.run()
    }

    private static func declare(table: [UInt8]) -> RawFrame {
        .method(50, 10, .short(0), .shortString("q"), .octet(0), .longBytes(table), on: 1)
    }

    @Test func whatIsNotCheckedIsNotUTF8() async throws {
        try await conformOnWire { session in
            let client = try await session.connect()
            let table = RawArgument.octets(of: [.shortBytes([0xFF]), .bytes(Array("S".utf8)), .longBytes([0xFE])])
            client.send(Self.declare(table: table))
            client.send(.method(50, 10, .short(0), .shortString("a\0b"), .octet(0), .table([:]), on: 1))
            #expect(try await client.next(2) == ["1 queue.declare-ok 'q' 0 0", #"1 queue.declare-ok 'a\x00b' 0 0"#])
        }
    }

    @Test func textIsCutAt255Octets() async throws {
        let name = String(repeating: "m", count: 255)
        let text = "NOT_FOUND - no queue '\(name)".prefix(252) + "..."
        try await conformOnWire { session in
            let client = try await session.connect()
            client.send(.method(.queueDeclare(Queue(name), passive: true), on: 1))
            #expect(try await client.next() == "1 channel.close 404 '\(text)' 50 10")
        }
    }

    private static let rareMethods: [WireExchange] = [
        WireExchange("access.request", [Self.accessRequest], "1 access.request-ok 1"),
        WireExchange("channel.flow on", [.method(.channelFlow(active: true), on: 1)], "1 channel.flow-ok 1"),
        WireExchange(
            "channel.flow off",
            [.method(.channelFlow(active: false), on: 1)],
            "0 connection.close 540 'NOT_IMPLEMENTED - active=false' 20 20"
        ),
        WireExchange(
            "basic.qos of a size",
            [.method(.basicQos(count: 0, size: 5), on: 1)],
            "0 connection.close 540 'NOT_IMPLEMENTED - prefetch_size!=0 (5)' 60 10"
        ),
        WireExchange(
            "basic.recover without requeue",
            [.method(.basicRecover(requeue: false), on: 1)],
            "0 connection.close 540 'NOT_IMPLEMENTED - requeue=false' 60 110"
        ),
        WireExchange(
            "basic.recover-async without requeue",
            [.method(.basicRecoverAsync(requeue: false), on: 1)],
            "0 connection.close 540 'NOT_IMPLEMENTED - requeue=false' 60 100"
        ),
        WireExchange("basic.recover-async", [.method(.basicRecoverAsync(requeue: true), on: 1)]),
        WireExchange("basic.recover", [.method(.basicRecover(requeue: true), on: 1)], "1 basic.recover-ok"),
        WireExchange("basic.cancel of nothing", [.method(.basicCancel("c"), on: 1)], "1 basic.cancel-ok 'c'"),
    ]

    @Test(arguments: Self.rareMethods)
    func answerOfAMethodThatIsRarelyUsed(exchange: WireExchange) async throws { try await exchange.run() }

    private static let accessRequest = RawFrame.method(30, 10, .shortString("/data"), .octet(0x1F), on: 1)
}
