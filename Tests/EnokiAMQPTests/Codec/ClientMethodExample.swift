import EnokiBroker
import EnokiInProcess
import Testing

@testable import EnokiAMQP

/// A method of a client, with the payload that pika 1.3, which is not ours, writes for it.
struct ClientMethodExample: CustomTestStringConvertible, Sendable {
    let hex: String
    let method: ClientMethod

    private init(_ hex: String, _ method: ClientMethod) {
        self.hex = hex
        self.method = method
    }

    var testDescription: String { "\(self.method.id) \(self.hex)" }

    static let all = Self.connection + Self.channel + Self.exchange + Self.queue + Self.basic + Self.confirmAndTx

    private static let arguments: Headers = ["a": .int32(1)]

    private static let connection: [Self] = [
        Self(
            "000a000b0000000e0770726f6475637453000000017005504c41494e000000040075007005656e5f5553",
            .connectionStartOk(
                ConnectionStartOk(
                    clientProperties: ["product": "p"],
                    mechanism: "PLAIN",
                    response: Secret(Array("\0u\0p".utf8)),
                    locale: "en_US"
                )
            )
        ),
        Self("000a00150000000172", .connectionSecureOk(response: Secret(Array("r".utf8)))),
        Self(
            "000a001f07ff00020000003c",
            .connectionTuneOk(ConnectionTune(channelMax: 2047, frameMax: 131_072, heartbeat: 60))
        ),
        Self("000a0028012f0001", .connectionOpen(virtualHost: "/")),
        Self(
            "000a003200c80362796512345678",
            .connectionClose(Close(code: 200, text: "bye", classID: 0x1234, methodID: 0x5678))
        ),
        Self("000a0033", .connectionCloseOk),
        Self("000a0046000000036e657703776879", .connectionUpdateSecret(Secret(Array("new".utf8)), reason: "why")),
    ]

    private static let channel: [Self] = [
        Self("0014000a00", .channelOpen),
        Self("0014001401", .channelFlow(active: true)),
        Self("0014001500", .channelFlowOk(active: false)),
        Self("0014002801940178003c0028", .channelClose(Close(code: 404, text: "x", classID: 60, methodID: 40))),
        Self("00140029", .channelCloseOk),
        Self("001e000a052f646174611e", .accessRequest),
    ]

    private static let exchange: [Self] = [
        Self(
            "0028000a0000017805746f7069630a0000000701614900000001",
            .exchangeDeclare(
                Exchange("x", .topic, durable: true, isInternal: true, arguments: Self.arguments),
                passive: false,
                noWait: false
            )
        ),
        Self(
            "0028000a00000178001500000000",
            .exchangeDeclare(
                Exchange("x", Exchange.Kind(rawValue: ""), durable: false, autoDelete: true),
                passive: true,
                noWait: true
            )
        ),
        Self("002800140000017801", .exchangeDelete(name: "x", ifUnused: true, noWait: false)),
        Self("002800140000017802", .exchangeDelete(name: "x", ifUnused: false, noWait: true)),
        Self(
            "0028001e000001640173016b010000000701614900000001",
            .exchangeBind(
                Binding(from: "s", to: .exchange("d"), routingKey: "k", arguments: Self.arguments),
                noWait: true
            )
        ),
        Self(
            "00280028000001640173016b0000000000",
            .exchangeUnbind(Binding(from: "s", to: .exchange("d"), routingKey: "k"), noWait: false)
        ),
    ]

    private static let queue: [Self] = [
        Self(
            "0032000a000001710a0000000701614900000001",
            .queueDeclare(
                Queue("q", durable: true, autoDelete: true, arguments: Self.arguments),
                passive: false,
                noWait: false
            )
        ),
        Self(
            "0032000a0000001500000000",
            .queueDeclare(Queue("", durable: false, exclusive: true), passive: true, noWait: true)
        ),
        Self(
            "00320014000001710178016b010000000701614900000001",
            .queueBind(
                Binding(from: "x", toQueue: "q", routingKey: "k", arguments: Self.arguments),
                noWait: true
            )
        ),
        Self(
            "00320032000001710178016b0000000701614900000001",
            .queueUnbind(Binding(from: "x", toQueue: "q", routingKey: "k", arguments: Self.arguments))
        ),
        Self("0032001e0000017101", .queuePurge(queue: "q", noWait: true)),
        Self("003200280000017105", .queueDelete(queue: "q", ifUnused: true, ifEmpty: false, noWait: true)),
        Self("003200280000017102", .queueDelete(queue: "q", ifUnused: false, ifEmpty: true, noWait: false)),
    ]

    private static let basic: [Self] = [
        Self("003c000a00000007001401", .basicQos(prefetchSize: 7, prefetchCount: 20, global: true)),
        Self(
            "003c0014000001710174050000000701614900000001",
            .basicConsume(
                .example("q", tag: "t", noAck: false, exclusive: true, arguments: Self.arguments),
                noWait: false
            )
        ),
        Self(
            "003c0014000000000a00000000",
            .basicConsume(.example("", tag: "", noAck: true, exclusive: false, arguments: [:]), noWait: true)
        ),
        Self("003c001e017401", .basicCancel(consumerTag: "t", noWait: true)),
        Self("003c001f0174", .basicCancelOk(consumerTag: "t")),
        Self(
            "003c002800000178016b01",
            .basicPublish(exchange: "x", routingKey: "k", mandatory: true, immediate: false)
        ),
        Self(
            "003c0028000000016b02",
            .basicPublish(exchange: "", routingKey: "k", mandatory: false, immediate: true)
        ),
        Self("003c00460000017101", .basicGet(queue: "q", noAck: true)),
        Self("003c0050000000000000010201", .basicAck(258, multiple: true)),
        Self("003c005a000000000000010201", .basicReject(258, requeue: true)),
        Self("003c0078000000000000010201", .basicNack(258, multiple: true, requeue: false)),
        Self("003c0078000000000000010202", .basicNack(258, multiple: false, requeue: true)),
        Self("003c006e01", .basicRecover(requeue: true)),
        Self("003c006401", .basicRecoverAsync(requeue: true)),
    ]

    private static let confirmAndTx: [Self] = [
        Self("0055000a01", .confirmSelect(noWait: true)),
        Self("005a000a", .txSelect),
        Self("005a0014", .txCommit),
        Self("005a001e", .txRollback),
    ]
}

extension ConsumeRequest {
    fileprivate static func example(
        _ queue: String,
        tag: String,
        noAck: Bool,
        exclusive: Bool,
        arguments: Headers
    ) -> ConsumeRequest {
        var request = ConsumeRequest(queue: queue)
        request.consumerTag = tag
        request.noAck = noAck
        request.exclusive = exclusive
        request.arguments = arguments
        return request
    }
}
