/// The methods of AMQP 0-9-1 that can fail, with RabbitMQ's extensions; a close names the one that caused it.
package enum AMQPMethod: UInt32, Sendable, Hashable {
    case channelFlow = 0x0014_0014
    case channelClose = 0x0014_0028
    case accessRequest = 0x001E_000A
    case exchangeDeclare = 0x0028_000A
    case exchangeDelete = 0x0028_0014
    case exchangeBind = 0x0028_001E
    case exchangeUnbind = 0x0028_0028
    case queueDeclare = 0x0032_000A
    case queueBind = 0x0032_0014
    case queuePurge = 0x0032_001E
    case queueDelete = 0x0032_0028
    case queueUnbind = 0x0032_0032
    case basicQos = 0x003C_000A
    case basicConsume = 0x003C_0014
    case basicCancel = 0x003C_001E
    case basicPublish = 0x003C_0028
    case basicGet = 0x003C_0046
    case basicAck = 0x003C_0050
    case basicReject = 0x003C_005A
    case basicRecoverAsync = 0x003C_0064
    case basicRecover = 0x003C_006E
    case basicNack = 0x003C_0078
    case confirmSelect = 0x0055_000A
    case txSelect = 0x005A_000A
    case txCommit = 0x005A_0014
    case txRollback = 0x005A_001E

    /// Whether the broker answers it, where it succeeds.
    package var isAnswered: Bool {
        switch self {
        case .basicPublish, .basicAck, .basicNack, .basicReject, .basicRecoverAsync: false
        default: true
        }
    }

    /// The number of the class.
    package var classID: UInt16 { UInt16(truncatingIfNeeded: self.rawValue >> 16) }
    /// The number of the method in its class.
    package var methodID: UInt16 { UInt16(truncatingIfNeeded: self.rawValue) }
}
