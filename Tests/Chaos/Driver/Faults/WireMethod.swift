/// The methods that a service and RabbitMQ exchange, with their class and method ids (AMQP 0-9-1, and RabbitMQ's own).
enum WireMethod: UInt32, Hashable, Sendable, CaseIterable {
    case connectionStart = 0x000A_000A
    case connectionStartOk = 0x000A_000B
    case connectionTune = 0x000A_001E
    case connectionTuneOk = 0x000A_001F
    case connectionOpen = 0x000A_0028
    case connectionOpenOk = 0x000A_0029
    case channelOpen = 0x0014_000A
    case channelOpenOk = 0x0014_000B
    case exchangeDeclare = 0x0028_000A
    case exchangeDeclareOk = 0x0028_000B
    case queueDeclare = 0x0032_000A
    case queueDeclareOk = 0x0032_000B
    case queueBind = 0x0032_0014
    case queueBindOk = 0x0032_0015
    case confirmSelect = 0x0055_000A
    case confirmSelectOk = 0x0055_000B
    case basicQos = 0x003C_000A
    case basicQosOk = 0x003C_000B
    case basicConsume = 0x003C_0014
    case basicConsumeOk = 0x003C_0015
    case basicPublish = 0x003C_0028
    case basicDeliver = 0x003C_003C
    /// A consumer's acknowledgement, or the broker's confirm.
    case basicAck = 0x003C_0050

    /// Those that are sent again and again.
    static let frequent: [WireMethod] = [.basicPublish, .basicDeliver, .basicAck]
    /// Those of every connection of a process of `role`, each time that it connects.
    static let setup = Self.allCases.filter { !$0.isFrequent && !$0.isTopology }
    static let everyday = frequent

    var isFrequent: Bool { Self.frequent.contains(self) }

    private var isTopology: Bool {
        switch self {
        case .exchangeDeclare, .exchangeDeclareOk, .queueDeclare, .queueDeclareOk, .queueBind, .queueBindOk: true
        default: false
        }
    }

    /// Which way it goes; `basic.ack` goes both ways, here it is the broker's confirm.
    var direction: Direction {
        switch self {
        case .connectionStart, .connectionTune, .connectionOpenOk, .channelOpenOk, .exchangeDeclareOk, .queueDeclareOk,
            .queueBindOk, .confirmSelectOk, .basicQosOk, .basicConsumeOk, .basicDeliver, .basicAck:
            .toClient
        default: .toBroker
        }
    }
}
