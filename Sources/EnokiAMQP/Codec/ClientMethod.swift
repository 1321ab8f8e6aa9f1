import EnokiBroker
import EnokiInProcess

/// A method that a client sends: all that AMQP 0-9-1 and RabbitMQ's extensions know.
///
/// Reserved fields, and what RabbitMQ ignores, are left out: tickets, `capabilities`, `insist`, `out-of-band`, `no-local`
/// and the fields of `access.request`.
enum ClientMethod: Equatable {
    // MARK: connection
    case connectionStartOk(ConnectionStartOk)
    case connectionSecureOk(response: Secret)
    case connectionTuneOk(ConnectionTune)
    case connectionOpen(virtualHost: String)
    case connectionClose(Close)
    case connectionCloseOk
    /// A new secret for the connection that is open, such as a token (RabbitMQ).
    case connectionUpdateSecret(Secret, reason: String)

    // MARK: channel
    case channelOpen
    case channelFlow(active: Bool)
    case channelFlowOk(active: Bool)
    case channelClose(Close)
    case channelCloseOk

    // MARK: access
    /// What AMQP 0-8 began with; RabbitMQ answers with ticket 1.
    case accessRequest

    // MARK: exchange
    /// The type may be empty or unknown.
    case exchangeDeclare(Exchange, passive: Bool, noWait: Bool)
    case exchangeDelete(name: String, ifUnused: Bool, noWait: Bool)
    case exchangeBind(Binding, noWait: Bool)
    case exchangeUnbind(Binding, noWait: Bool)

    // MARK: queue
    case queueDeclare(Queue, passive: Bool, noWait: Bool)
    case queueBind(Binding, noWait: Bool)
    /// The one that always is answered.
    case queueUnbind(Binding)
    case queuePurge(queue: String, noWait: Bool)
    case queueDelete(queue: String, ifUnused: Bool, ifEmpty: Bool, noWait: Bool)

    // MARK: basic
    case basicQos(prefetchSize: UInt32, prefetchCount: UInt16, global: Bool)
    case basicConsume(ConsumeRequest, noWait: Bool)
    case basicCancel(consumerTag: String, noWait: Bool)
    case basicCancelOk(consumerTag: String)
    /// Its content header and its body follow.
    case basicPublish(exchange: String, routingKey: String, mandatory: Bool, immediate: Bool)
    case basicGet(queue: String, noAck: Bool)
    case basicAck(DeliveryTag, multiple: Bool)
    case basicReject(DeliveryTag, requeue: Bool)
    case basicNack(DeliveryTag, multiple: Bool, requeue: Bool)
    case basicRecover(requeue: Bool)
    case basicRecoverAsync(requeue: Bool)

    // MARK: confirm, tx
    case confirmSelect(noWait: Bool)
    case txSelect
    case txCommit
    case txRollback
}

extension ClientMethod {
    /// Its numbers.
    var id: MethodID {
        switch self {
        case .connectionStartOk: .connectionStartOk
        case .connectionSecureOk: .connectionSecureOk
        case .connectionTuneOk: .connectionTuneOk
        case .connectionOpen: .connectionOpen
        case .connectionClose: .connectionClose
        case .connectionCloseOk: .connectionCloseOk
        case .connectionUpdateSecret: .connectionUpdateSecret
        case .channelOpen: .channelOpen
        case .channelFlow: .channelFlow
        case .channelFlowOk: .channelFlowOk
        case .channelClose: .channelClose
        case .channelCloseOk: .channelCloseOk
        case .accessRequest: .accessRequest
        case .exchangeDeclare: .exchangeDeclare
        case .exchangeDelete: .exchangeDelete
        case .exchangeBind: .exchangeBind
        case .exchangeUnbind: .exchangeUnbind
        case .queueDeclare: .queueDeclare
        case .queueBind: .queueBind
        case .queueUnbind: .queueUnbind
        case .queuePurge: .queuePurge
        case .queueDelete: .queueDelete
        case .basicQos: .basicQos
        case .basicConsume: .basicConsume
        case .basicCancel: .basicCancel
        case .basicCancelOk: .basicCancelOk
        case .basicPublish: .basicPublish
        case .basicGet: .basicGet
        case .basicAck: .basicAck
        case .basicReject: .basicReject
        case .basicNack: .basicNack
        case .basicRecover: .basicRecover
        case .basicRecoverAsync: .basicRecoverAsync
        case .confirmSelect: .confirmSelect
        case .txSelect: .txSelect
        case .txCommit: .txCommit
        case .txRollback: .txRollback
        }
    }
}
