import EnokiBroker

import struct EnokiInProcess.SeededGenerator

@testable import EnokiTestSupport

/// What a client sends from its first byte to its last, in pieces: the protocol header, and frames.
struct ClientSession {
    private(set) var pieces: [[UInt8]] = []

    /// A session without mistakes; the same seed makes the same.
    init(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        self.logIn(&generator)
        let channels = (1...UInt16(1 + generator.index(below: 3))).map(\.self)
        for channel in channels { self.add(Self.channelOpen, on: channel) }
        for _ in 0..<(5 + generator.index(below: 25)) {
            self.addStep(on: channels[generator.index(below: channels.count)], &generator)
        }
        if generator.index(below: 2) == 0 { self.add(.channelClose, on: channels[0]) }
        if generator.index(below: 2) == 0 {
            var close = WireWriter.close(classID: 10, methodID: 50)
            self.add(close.finish(), on: 0)
        }
    }

    /// The bytes of the whole session.
    var bytes: [UInt8] { self.pieces.flatMap(\.self) }

    /// A session that only logs in.
    static func login(
        user: String = "guest",
        password: String = "guest",
        virtualHost: String = "/",
        channelMax: UInt16 = 2047,
        frameMax: UInt32 = 131_072,
        heartbeat: UInt16 = 0
    ) -> ClientSession {
        var session = ClientSession()
        session.pieces = [Self.protocolHeader]
        session.add(Self.startOk(mechanism: "PLAIN", response: Array("\0\(user)\0\(password)".utf8)), on: 0)
        session.add(Self.tuneOk(channelMax: channelMax, frameMax: frameMax, heartbeat: heartbeat), on: 0)
        session.add(Self.open(virtualHost), on: 0)
        return session
    }

    init(pieces: [[UInt8]] = []) { self.pieces = pieces }

    // MARK: - Pieces

    static let protocolHeader = Array("AMQP".utf8) + [0, 0, 9, 1]

    static var channelOpen: [UInt8] {
        var open = WireWriter(classID: 20, methodID: 10)
        open.shortString("")
        return open.finish()
    }

    static func startOk(
        mechanism: String,
        response: [UInt8],
        capabilities: [String] = ["consumer_cancel_notify", "connection.blocked", "authentication_failure_close"]
    ) -> [UInt8] {
        var startOk = WireWriter(classID: 10, methodID: 11)
        startOk.table(["capabilities": .table(Headers(capabilities.map { ($0, .bool(true)) }))])
        startOk.shortString(mechanism)
        startOk.longString(response)
        startOk.shortString("en_US")
        return startOk.finish()
    }

    static func tuneOk(channelMax: UInt16, frameMax: UInt32, heartbeat: UInt16) -> [UInt8] {
        var tuneOk = WireWriter(classID: 10, methodID: 31)
        tuneOk.integer(channelMax)
        tuneOk.integer(frameMax)
        tuneOk.integer(heartbeat)
        return tuneOk.finish()
    }

    static func open(_ virtualHost: String) -> [UInt8] {
        var open = WireWriter(classID: 10, methodID: 40)
        open.shortString(virtualHost)
        open.shortString("")
        open.bit(false)
        return open.finish()
    }

    /// A method as a frame, with its content where it has one.
    static func frames(_ method: AMQPMethod, on channel: UInt16) -> [[UInt8]] {
        var frames = [WireFrame(kind: .method, channel: channel, payload: method.wirePayload)]
        if case .basicPublish(let message, _, _, _, _) = method {
            frames.append(WireFrame(kind: .header, channel: channel, payload: WireWriter.header(message)))
            // In two, where there is enough for two.
            let half = (message.body.count + 1) / 2
            for part in [message.body.prefix(half), message.body.dropFirst(half)] where !part.isEmpty {
                frames.append(WireFrame(kind: .body, channel: channel, payload: Array(part)))
            }
        }
        return frames.map(\.bytes)
    }

    mutating func add(_ method: AMQPMethod, on channel: UInt16) { self.pieces += Self.frames(method, on: channel) }

    mutating func add(_ payload: [UInt8], on channel: UInt16) {
        self.pieces.append(WireFrame(kind: .method, channel: channel, payload: payload).bytes)
    }

    // MARK: - Choices

    private mutating func logIn(_ generator: inout SeededGenerator) {
        self.pieces.append(Self.protocolHeader)
        if generator.index(below: 4) == 0 {
            var table = WireWriter()
            table.table(["LOGIN": "guest", "PASSWORD": "guest"])
            self.add(Self.startOk(mechanism: "AMQPLAIN", response: Array(table.bytes.dropFirst(4))), on: 0)
        } else {
            self.add(Self.startOk(mechanism: "PLAIN", response: Array("\0guest\0guest".utf8)), on: 0)
        }
        let frameMax: UInt32 = generator.index(below: 2) == 0 ? 131_072 : 4096
        let heartbeat = UInt16(generator.index(below: 2) * 10)
        self.add(Self.tuneOk(channelMax: 2047, frameMax: frameMax, heartbeat: heartbeat), on: 0)
        self.add(Self.open("/"), on: 0)
    }

    private static let names = ["a", "b", "c", "dead", "letters"]
    private static let exchanges = ["", "amq.direct", "amq.fanout", "amq.topic", "amq.headers", "x", "y"]
    private static let keys = ["a", "b", "c", "a.b", "*.b", "#", ""]

    private mutating func addStep(on channel: UInt16, _ generator: inout SeededGenerator) {
        func pick<Value>(_ values: [Value]) -> Value { values[generator.index(below: values.count)] }
        func chance(_ count: Int) -> Bool { generator.index(below: count) == 0 }
        let (queue, exchange, key) = (pick(Self.names), pick(Self.exchanges), pick(Self.keys))
        let tag = UInt64(generator.index(below: 4))
        switch generator.index(below: 34) {
        case 0...3:
            var arguments: Headers = [:]
            if chance(3) { arguments["x-dead-letter-exchange"] = .string(pick(Self.exchanges)) }
            if chance(4) { arguments["x-max-length"] = 2 }
            if chance(4) { arguments["x-message-ttl"] = .int32(Int32(generator.index(below: 2) * 1000)) }
            if chance(4) { arguments["x-max-priority"] = 5 }
            if chance(6) { arguments["x-single-active-consumer"] = true }
            self.add(
                .queueDeclare(Queue(queue, exclusive: chance(3), autoDelete: chance(4), arguments: arguments)),
                on: channel
            )
        case 4, 5:
            self.add(.exchangeDeclare(Exchange(pick(["x", "y"]), pick([.direct, .fanout, .topic]))), on: channel)
        case 6, 7: self.add(.queueBind(queue, to: exchange, key: key), on: channel)
        case 8: self.add(.exchangeBind(pick(["x", "y"]), to: exchange, key: key), on: channel)
        case 9...15: self.add(Self.publish(to: exchange, key: key, &generator), on: channel)
        case 16...18: self.add(.basicConsume(queue, tag: pick(["", "t", "u"]), noAck: chance(2)), on: channel)
        case 19: self.add(.basicConsume("amq.rabbitmq.reply-to", noAck: true), on: channel)
        case 20, 21: self.add(.basicGet(queue, noAck: chance(2)), on: channel)
        case 22: self.add(.basicAck(tag, multiple: chance(2)), on: channel)
        case 23: self.add(.basicNack(tag, multiple: chance(2), requeue: chance(2)), on: channel)
        case 24: self.add(.basicReject(tag, requeue: chance(2)), on: channel)
        case 25: self.add(.basicQos(count: UInt16(tag), global: chance(2)), on: channel)
        case 26: self.add(.confirmSelect, on: channel)
        case 27: self.add(.txSelect, on: channel)
        case 28: self.add(pick([.txCommit, .txRollback]), on: channel)
        case 29: self.add(.basicRecover(requeue: true), on: channel)
        case 30: self.add(pick([.queuePurge(queue), .queueDelete(queue), .exchangeDelete("x")]), on: channel)
        case 31: self.add(.basicCancel(pick(["t", "u"])), on: channel)
        case 32: self.pieces.append(WireFrame(kind: .heartbeat, channel: 0, payload: []).bytes)
        default:
            self.add(.channelClose, on: channel)
            self.add(Self.channelOpen, on: channel)
        }
    }

    private static func publish(to exchange: String, key: String, _ generator: inout SeededGenerator) -> AMQPMethod {
        var properties = BasicProperties()
        if generator.index(below: 2) == 0 {
            properties.headers = ["n": 1, "CC": ["b", "c"], "t": ["u": ["v": .void, "d": .double(1.5)]]]
            properties.deliveryMode = .persistent
            properties.priority = UInt8(generator.index(below: 10))
        }
        if generator.index(below: 4) == 0 { properties.replyTo = "amq.rabbitmq.reply-to" }
        if generator.index(below: 4) == 0 { properties.expiration = .milliseconds(generator.index(below: 2)) }
        let body = [UInt8](repeating: 0xCE, count: generator.index(below: 3) * generator.index(below: 3000))
        let message = Message(body: body, properties: properties)
        return .basicPublish(message, to: exchange, key: key, mandatory: generator.index(below: 2) == 0)
    }
}
