import EnokiBroker
import EnokiInProcess

/// A method that a server sends: all that AMQP 0-9-1 and RabbitMQ's extensions know.
enum ServerMethod: Equatable {
    // MARK: connection
    /// Version 0-9; mechanisms and locales with spaces between them.
    case connectionStart(serverProperties: Headers, mechanisms: String, locales: String)
    case connectionSecure(challenge: [UInt8])
    case connectionTune(ConnectionTune)
    case connectionOpenOk
    case connectionClose(Close)
    case connectionCloseOk
    case connectionBlocked(reason: String)
    case connectionUnblocked
    case connectionUpdateSecretOk

    // MARK: channel
    case channelOpenOk
    case channelFlow(active: Bool)
    case channelFlowOk(active: Bool)
    case channelClose(Close)
    case channelCloseOk

    // MARK: access
    case accessRequestOk(ticket: UInt16)

    // MARK: exchange
    case exchangeDeclareOk
    case exchangeDeleteOk
    case exchangeBindOk
    case exchangeUnbindOk

    // MARK: queue
    case queueDeclareOk(QueueStatus)
    case queueBindOk
    case queueUnbindOk
    case queuePurgeOk(messageCount: Int)
    case queueDeleteOk(messageCount: Int)

    // MARK: basic
    case basicQosOk
    case basicConsumeOk(consumerTag: String)
    /// The consumer's queue is gone. No answer is awaited, as from RabbitMQ.
    case basicCancel(consumerTag: String)
    case basicCancelOk(consumerTag: String)
    /// Its content header and its body follow.
    case basicReturn(code: UInt16, text: String, exchange: String, routingKey: String)
    /// Its content header and its body follow.
    case basicDeliver(
        consumerTag: String,
        deliveryTag: DeliveryTag,
        redelivered: Bool,
        exchange: String,
        routingKey: String
    )
    /// Its content header and its body follow.
    case basicGetOk(
        deliveryTag: DeliveryTag,
        redelivered: Bool,
        exchange: String,
        routingKey: String,
        messageCount: Int
    )
    case basicGetEmpty
    case basicAck(DeliveryTag, multiple: Bool)
    case basicNack(DeliveryTag, multiple: Bool)
    case basicRecoverOk

    // MARK: confirm, tx
    case confirmSelectOk
    case txSelectOk
    case txCommitOk
    case txRollbackOk
}

extension ServerMethod {
    /// Its numbers.
    var id: MethodID {
        switch self {
        case .connectionStart: .connectionStart
        case .connectionSecure: .connectionSecure
        case .connectionTune: .connectionTune
        case .connectionOpenOk: .connectionOpenOk
        case .connectionClose: .connectionClose
        case .connectionCloseOk: .connectionCloseOk
        case .connectionBlocked: .connectionBlocked
        case .connectionUnblocked: .connectionUnblocked
        case .connectionUpdateSecretOk: .connectionUpdateSecretOk
        case .channelOpenOk: .channelOpenOk
        case .channelFlow: .channelFlow
        case .channelFlowOk: .channelFlowOk
        case .channelClose: .channelClose
        case .channelCloseOk: .channelCloseOk
        case .accessRequestOk: .accessRequestOk
        case .exchangeDeclareOk: .exchangeDeclareOk
        case .exchangeDeleteOk: .exchangeDeleteOk
        case .exchangeBindOk: .exchangeBindOk
        case .exchangeUnbindOk: .exchangeUnbindOk
        case .queueDeclareOk: .queueDeclareOk
        case .queueBindOk: .queueBindOk
        case .queueUnbindOk: .queueUnbindOk
        case .queuePurgeOk: .queuePurgeOk
        case .queueDeleteOk: .queueDeleteOk
        case .basicQosOk: .basicQosOk
        case .basicConsumeOk: .basicConsumeOk
        case .basicCancel: .basicCancel
        case .basicCancelOk: .basicCancelOk
        case .basicReturn: .basicReturn
        case .basicDeliver: .basicDeliver
        case .basicGetOk: .basicGetOk
        case .basicGetEmpty: .basicGetEmpty
        case .basicAck: .basicAck
        case .basicNack: .basicNack
        case .basicRecoverOk: .basicRecoverOk
        case .confirmSelectOk: .confirmSelectOk
        case .txSelectOk: .txSelectOk
        case .txCommitOk: .txCommitOk
        case .txRollbackOk: .txRollbackOk
        }
    }
}
