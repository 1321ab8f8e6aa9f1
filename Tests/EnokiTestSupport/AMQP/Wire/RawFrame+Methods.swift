public import EnokiBroker

/// What every client sends, written as it should be; a case changes what it is about.
extension RawFrame {
    /// `connection.start-ok` of a client that knows all extensions.
    public static func startOk(
        mechanism: String = "PLAIN",
        response: RawArgument = .longString("\0guest\0guest"),
        capabilities: Headers = ["authentication_failure_close": true, "consumer_cancel_notify": true],
        locale: String = "en_US"
    ) -> RawFrame {
        .method(
            10,
            11,
            .table(["capabilities": .table(capabilities)]),
            .shortString(mechanism),
            response,
            .shortString(locale),
            on: 0
        )
    }

    /// `connection.tune-ok`.
    public static func tuneOk(
        channelMax: UInt16 = 2047,
        frameMax: UInt32 = 131_072,
        heartbeat: UInt16 = 0
    ) -> RawFrame {
        .method(10, 31, .short(channelMax), .long(frameMax), .short(heartbeat), on: 0)
    }

    /// `connection.open`.
    public static func connectionOpen(_ virtualHost: String, on channel: UInt16 = 0) -> RawFrame {
        .method(10, 40, .shortString(virtualHost), .shortString(""), .octet(0), on: channel)
    }

    /// `connection.close`.
    public static let connectionClose = RawFrame.connectionClose(on: 0)

    /// `connection.close` on any channel.
    public static func connectionClose(on channel: UInt16) -> RawFrame {
        .method(10, 50, .short(200), .shortString("done"), .long(0), on: channel)
    }

    /// `connection.close-ok`.
    public static let connectionCloseOk = RawFrame.method(10, 51, on: 0)

    /// `channel.open`.
    public static func channelOpen(_ channel: UInt16) -> RawFrame { .method(20, 10, .shortString(""), on: channel) }

    /// `channel.close`.
    public static func channelClose(_ channel: UInt16) -> RawFrame {
        .method(20, 40, .short(200), .shortString("done"), .long(0), on: channel)
    }

    /// `channel.close-ok`.
    public static func channelCloseOk(_ channel: UInt16) -> RawFrame { .method(20, 41, on: channel) }

    /// `basic.publish` without its content; the lowest bit is `mandatory`, the next one `immediate`.
    public static func publish(
        to exchange: String = "",
        key: String = "q",
        bits: UInt8 = 0,
        on channel: UInt16 = 1
    ) -> RawFrame {
        .method(60, 40, .short(0), .shortString(exchange), .shortString(key), .octet(bits), on: channel)
    }

    /// `confirm.select`, of which nothing comes but its answer: what was sent before it has been looked at then.
    public static func confirmSelect(on channel: UInt16) -> RawFrame { .method(.confirmSelect, on: channel) }

    /// `basic.get` of a queue that is not there: a channel error.
    public static func missingGet(on channel: UInt16 = 1) -> RawFrame { .method(.basicGet("nope"), on: channel) }
}

extension [RawFrame] {
    /// `basic.publish` with its content.
    public static func message(
        _ text: String,
        to exchange: String = "",
        key: String = "q",
        bits: UInt8 = 0,
        flags: UInt16 = 0,
        _ properties: RawArgument...,
        on channel: UInt16 = 1
    ) -> [RawFrame] {
        var header = RawFrame.header(size: UInt64(text.utf8.count), flags: flags, on: channel)
        header.payload += RawArgument.octets(of: properties)
        let body = text.isEmpty ? [] : [RawFrame.body(text, on: channel)]
        return [.publish(to: exchange, key: key, bits: bits, on: channel), header] + body
    }
}
