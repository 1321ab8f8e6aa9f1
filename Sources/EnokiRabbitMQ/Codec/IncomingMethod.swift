import CRabbitMQ
import EnokiBroker

/// A method that the broker sent, copied out of librabbitmq's memory.
enum IncomingMethod: Sendable {
    /// The answer to a method of ours.
    case reply(amqp_method_number_t, Reply)
    case acknowledged(tag: UInt64, multiple: Bool)
    case refused(tag: UInt64, multiple: Bool)
    /// A delivery; header and body follow.
    case deliver(Envelope)
    /// A message that could not be routed; header and body follow.
    case returned(Return)
    /// The broker has ended a consumer.
    case cancelled
    case channelClosed(Closure)
    case connectionClosed(Closure)
    case blocked(reason: String)
    case unblocked
    /// One that a client of ours cannot get.
    case unexpected(String)

    /// What an answer tells.
    enum Reply: Sendable, Equatable {
        case done
        case queue(messages: Int, consumers: Int)
        case count(Int)
        /// It exists otherwise, and may be used as it is.
        case exists(InequivalentArgument)
    }

    /// Where a delivery comes from.
    struct Envelope: Sendable {
        var tag: UInt64
        var redelivered: Bool
        var exchange: String
        var routingKey: String
    }

    /// Why a message came back.
    struct Return: Sendable {
        var code: Int
        var text: String
        var exchange: String
        var routingKey: String
    }

    /// Why the broker closes a channel or the connection.
    struct Closure: Sendable, Equatable {
        var code: Int
        var text: String
        /// The method that was to blame, 0 where none was.
        var method: amqp_method_number_t
    }

    init(_ method: amqp_method_t) {
        func arguments<Arguments>(_ type: Arguments.Type) -> Arguments? {
            method.decoded?.assumingMemoryBound(to: type).pointee
        }
        switch method.id {
        case AMQP_BASIC_DELIVER_METHOD:
            guard let deliver = arguments(amqp_basic_deliver_t.self) else { break }
            self = .deliver(
                Envelope(
                    tag: deliver.delivery_tag,
                    redelivered: deliver.redelivered != 0,
                    exchange: deliver.exchange.string,
                    routingKey: deliver.routing_key.string
                )
            )
            return
        case AMQP_BASIC_ACK_METHOD:
            guard let ack = arguments(amqp_basic_ack_t.self) else { break }
            self = .acknowledged(tag: ack.delivery_tag, multiple: ack.multiple != 0)
            return
        case AMQP_BASIC_NACK_METHOD:
            guard let nack = arguments(amqp_basic_nack_t.self) else { break }
            self = .refused(tag: nack.delivery_tag, multiple: nack.multiple != 0)
            return
        case AMQP_BASIC_RETURN_METHOD:
            guard let value = arguments(amqp_basic_return_t.self) else { break }
            self = .returned(
                Return(
                    code: Int(value.reply_code),
                    text: value.reply_text.string,
                    exchange: value.exchange.string,
                    routingKey: value.routing_key.string
                )
            )
            return
        case AMQP_BASIC_CANCEL_METHOD:
            self = .cancelled
            return
        case AMQP_CHANNEL_CLOSE_METHOD:
            guard let close = arguments(amqp_channel_close_t.self) else { break }
            self = .channelClosed(
                Closure(close.reply_code, close.reply_text, class: close.class_id, method: close.method_id)
            )
            return
        case AMQP_CONNECTION_CLOSE_METHOD:
            guard let close = arguments(amqp_connection_close_t.self) else { break }
            self = .connectionClosed(
                Closure(close.reply_code, close.reply_text, class: close.class_id, method: close.method_id)
            )
            return
        case AMQP_CONNECTION_BLOCKED_METHOD:
            guard let blocked = arguments(amqp_connection_blocked_t.self) else { break }
            self = .blocked(reason: blocked.reason.string)
            return
        case AMQP_CONNECTION_UNBLOCKED_METHOD:
            self = .unblocked
            return
        case AMQP_QUEUE_DECLARE_OK_METHOD:
            guard let reply = arguments(amqp_queue_declare_ok_t.self) else { break }
            self = .reply(
                method.id,
                .queue(messages: Int(reply.message_count), consumers: Int(reply.consumer_count))
            )
            return
        case AMQP_QUEUE_PURGE_OK_METHOD:
            guard let reply = arguments(amqp_queue_purge_ok_t.self) else { break }
            self = .reply(method.id, .count(Int(reply.message_count)))
            return
        case AMQP_QUEUE_DELETE_OK_METHOD:
            guard let reply = arguments(amqp_queue_delete_ok_t.self) else { break }
            self = .reply(method.id, .count(Int(reply.message_count)))
            return
        case AMQP_CHANNEL_OPEN_OK_METHOD, AMQP_CHANNEL_CLOSE_OK_METHOD, AMQP_CONNECTION_CLOSE_OK_METHOD,
            AMQP_CONFIRM_SELECT_OK_METHOD, AMQP_EXCHANGE_DECLARE_OK_METHOD, AMQP_EXCHANGE_DELETE_OK_METHOD,
            AMQP_EXCHANGE_BIND_OK_METHOD, AMQP_EXCHANGE_UNBIND_OK_METHOD, AMQP_QUEUE_BIND_OK_METHOD,
            AMQP_QUEUE_UNBIND_OK_METHOD, AMQP_BASIC_QOS_OK_METHOD, AMQP_BASIC_CONSUME_OK_METHOD,
            AMQP_BASIC_CANCEL_OK_METHOD:
            self = .reply(method.id, .done)
            return
        default: break
        }
        self = .unexpected(amqp_method_name(method.id).map { String(cString: $0) } ?? "method \(method.id)")
    }
}

extension IncomingMethod.Closure {
    init(_ code: UInt16, _ text: amqp_bytes_t, class classID: UInt16, method methodID: UInt16) {
        self.init(code: Int(code), text: text.string, method: UInt32(classID) << 16 | UInt32(methodID))
    }
}
