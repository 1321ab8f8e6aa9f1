import CRabbitMQ
import EnokiBroker

/// A method that a client sends, with what it needs (AMQP 0-9-1 §1.3 ff. and RabbitMQ's extensions).
enum Method: Sendable {
    case channelOpen
    case channelClose
    case channelCloseOk
    case connectionClose
    case connectionCloseOk
    case confirmSelect
    case exchangeDeclare(Exchange)
    case exchangeDelete(String)
    case queueDeclare(Queue)
    case queueInspect(String)
    case queuePurge(String)
    case queueDelete(String)
    case bind(Binding)
    case unbind(Binding)
    case qos(prefetch: UInt16)
    case consume(queue: String, tag: String, options: ConsumerOptions)
    case cancel(tag: String)
    case acknowledge(Acknowledgement, tag: UInt64)

    /// The method that the broker answers with; `nil` where it does not answer.
    var reply: amqp_method_number_t? {
        switch self {
        case .channelOpen: AMQP_CHANNEL_OPEN_OK_METHOD
        case .channelClose: AMQP_CHANNEL_CLOSE_OK_METHOD
        case .connectionClose: AMQP_CONNECTION_CLOSE_OK_METHOD
        case .confirmSelect: AMQP_CONFIRM_SELECT_OK_METHOD
        case .exchangeDeclare: AMQP_EXCHANGE_DECLARE_OK_METHOD
        case .exchangeDelete: AMQP_EXCHANGE_DELETE_OK_METHOD
        case .queueDeclare, .queueInspect: AMQP_QUEUE_DECLARE_OK_METHOD
        case .queuePurge: AMQP_QUEUE_PURGE_OK_METHOD
        case .queueDelete: AMQP_QUEUE_DELETE_OK_METHOD
        case .bind(let binding):
            switch binding.destination {
            case .queue: AMQP_QUEUE_BIND_OK_METHOD
            case .exchange: AMQP_EXCHANGE_BIND_OK_METHOD
            }
        case .unbind(let binding):
            switch binding.destination {
            case .queue: AMQP_QUEUE_UNBIND_OK_METHOD
            case .exchange: AMQP_EXCHANGE_UNBIND_OK_METHOD
            }
        case .qos: AMQP_BASIC_QOS_OK_METHOD
        case .consume: AMQP_BASIC_CONSUME_OK_METHOD
        case .cancel: AMQP_BASIC_CANCEL_OK_METHOD
        case .channelCloseOk, .connectionCloseOk, .acknowledge: nil
        }
    }

    /// Whether it takes away what was declared.
    var isDeletion: Bool {
        switch self {
        case .exchangeDelete, .queueDelete, .unbind: true
        default: false
        }
    }

    /// Throws when the protocol cannot carry a name or an argument of it.
    func validate() throws(BrokerError) {
        switch self {
        case .exchangeDeclare(let exchange): try WireLimits.check(exchange)
        case .exchangeDelete(let name): try WireLimits.check(exchange: name)
        case .queueDeclare(let queue): try WireLimits.check(queue)
        case .queueInspect(let name), .queuePurge(let name), .queueDelete(let name), .consume(let name, _, _):
            try WireLimits.check(queue: name)
        case .bind(let binding), .unbind(let binding): try WireLimits.check(binding)
        default: break
        }
    }
}

extension Method: CustomStringConvertible {
    /// What is being done, for "… failed" and "no answer to …".
    var description: String {
        switch self {
        case .channelOpen: "opening a channel"
        case .channelClose, .channelCloseOk: "closing a channel"
        case .connectionClose, .connectionCloseOk: "closing the connection"
        case .confirmSelect: "asking for publisher confirms"
        case .exchangeDeclare(let exchange): "declaring exchange '\(exchange.name)'"
        case .exchangeDelete(let name): "deleting exchange '\(name)'"
        case .queueDeclare(let queue): "declaring queue '\(queue.name)'"
        case .queueInspect(let name): "inspecting queue '\(name)'"
        case .queuePurge(let name): "purging queue '\(name)'"
        case .queueDelete(let name): "deleting queue '\(name)'"
        case .bind(let binding): "binding \(binding.destination.inWords) to exchange '\(binding.source)'"
        case .unbind(let binding): "unbinding \(binding.destination.inWords) from exchange '\(binding.source)'"
        case .qos: "setting the prefetch"
        case .consume(let queue, _, _): "consuming queue '\(queue)'"
        case .cancel: "cancelling a consumer"
        case .acknowledge: "acknowledging a delivery"
        }
    }
}

extension Binding.Destination {
    fileprivate var inWords: String {
        switch self {
        case .queue(let name): "queue '\(name)'"
        case .exchange(let name): "exchange '\(name)'"
        }
    }
}
