import CRabbitMQ
import EnokiBroker

extension OutputBuffer {
    /// Appends `method` on `channel`.
    func append(_ method: Method, channel: UInt16, arena: EncodingArena) throws(EncodingFailure) {
        arena.reset()
        switch method {
        case .channelOpen:
            try self.appendMethod(AMQP_CHANNEL_OPEN_METHOD, amqp_channel_open_t(), channel: channel)
        case .channelClose:
            var close = amqp_channel_close_t()
            close.reply_code = UInt16(AMQP_REPLY_SUCCESS)
            try self.appendMethod(AMQP_CHANNEL_CLOSE_METHOD, close, channel: channel)
        case .channelCloseOk:
            try self.appendMethod(AMQP_CHANNEL_CLOSE_OK_METHOD, amqp_channel_close_ok_t(), channel: channel)
        case .connectionClose:
            var close = amqp_connection_close_t()
            close.reply_code = UInt16(AMQP_REPLY_SUCCESS)
            try self.appendMethod(AMQP_CONNECTION_CLOSE_METHOD, close, channel: channel)
        case .connectionCloseOk:
            try self.appendMethod(AMQP_CONNECTION_CLOSE_OK_METHOD, amqp_connection_close_ok_t(), channel: channel)
        case .confirmSelect:
            try self.appendMethod(AMQP_CONFIRM_SELECT_METHOD, amqp_confirm_select_t(), channel: channel)
        case .exchangeDeclare(let exchange):
            var declare = amqp_exchange_declare_t()
            declare.exchange = arena.bytes(exchange.name)
            declare.type = arena.bytes(exchange.kind.rawValue)
            declare.durable = exchange.durable ? 1 : 0
            declare.auto_delete = exchange.autoDelete ? 1 : 0
            declare.internal = exchange.isInternal ? 1 : 0
            declare.arguments = arena.table(exchange.arguments)
            try self.appendMethod(AMQP_EXCHANGE_DECLARE_METHOD, declare, channel: channel)
        case .exchangeDelete(let name):
            var delete = amqp_exchange_delete_t()
            delete.exchange = arena.bytes(name)
            try self.appendMethod(AMQP_EXCHANGE_DELETE_METHOD, delete, channel: channel)
        case .queueDeclare(let queue):
            var declare = amqp_queue_declare_t()
            declare.queue = arena.bytes(queue.name)
            declare.durable = queue.durable ? 1 : 0
            declare.exclusive = queue.exclusive ? 1 : 0
            declare.auto_delete = queue.autoDelete ? 1 : 0
            declare.arguments = arena.table(queue.arguments)
            try self.appendMethod(AMQP_QUEUE_DECLARE_METHOD, declare, channel: channel)
        case .queueInspect(let name):
            var declare = amqp_queue_declare_t()
            declare.queue = arena.bytes(name)
            declare.passive = 1
            try self.appendMethod(AMQP_QUEUE_DECLARE_METHOD, declare, channel: channel)
        case .queuePurge(let name):
            var purge = amqp_queue_purge_t()
            purge.queue = arena.bytes(name)
            try self.appendMethod(AMQP_QUEUE_PURGE_METHOD, purge, channel: channel)
        case .queueDelete(let name):
            var delete = amqp_queue_delete_t()
            delete.queue = arena.bytes(name)
            try self.appendMethod(AMQP_QUEUE_DELETE_METHOD, delete, channel: channel)
        case .bind(let binding): try self.append(bind: binding, channel: channel, arena: arena)
        case .unbind(let binding): try self.append(unbind: binding, channel: channel, arena: arena)
        case .qos(let prefetch):
            var qos = amqp_basic_qos_t()
            qos.prefetch_count = prefetch
            try self.appendMethod(AMQP_BASIC_QOS_METHOD, qos, channel: channel)
        case .consume(let queue, let tag, let options):
            var consume = amqp_basic_consume_t()
            consume.queue = arena.bytes(queue)
            consume.consumer_tag = arena.bytes(tag)
            consume.no_ack = options.automaticAcknowledgement ? 1 : 0
            consume.exclusive = options.exclusive ? 1 : 0
            if let priority = options.priority { consume.arguments = arena.table(["x-priority": .int32(priority)]) }
            try self.appendMethod(AMQP_BASIC_CONSUME_METHOD, consume, channel: channel)
        case .cancel(let tag):
            var cancel = amqp_basic_cancel_t()
            cancel.consumer_tag = arena.bytes(tag)
            try self.appendMethod(AMQP_BASIC_CANCEL_METHOD, cancel, channel: channel)
        case .acknowledge(.ack, let tag):
            try self.appendMethod(
                AMQP_BASIC_ACK_METHOD,
                amqp_basic_ack_t(delivery_tag: tag, multiple: 0),
                channel: channel
            )
        case .acknowledge(.requeue, let tag):
            // By `basic.reject` a quorum queue of RabbitMQ 4.3 counts a failure, and drops the message after 20 of them
            // (rabbitmq.com/docs/4.3/nack).
            let nack = amqp_basic_nack_t(delivery_tag: tag, multiple: 0, requeue: 1)
            try self.appendMethod(AMQP_BASIC_NACK_METHOD, nack, channel: channel)
        case .acknowledge(.reject, let tag):
            let reject = amqp_basic_reject_t(delivery_tag: tag, requeue: 0)
            try self.appendMethod(AMQP_BASIC_REJECT_METHOD, reject, channel: channel)
        }
    }

    private func append(
        bind binding: Binding,
        channel: UInt16,
        arena: EncodingArena
    ) throws(EncodingFailure) {
        switch binding.destination {
        case .queue(let name):
            var bind = amqp_queue_bind_t()
            bind.queue = arena.bytes(name)
            bind.exchange = arena.bytes(binding.source)
            bind.routing_key = arena.bytes(binding.routingKey)
            bind.arguments = arena.table(binding.arguments)
            try self.appendMethod(AMQP_QUEUE_BIND_METHOD, bind, channel: channel)
        case .exchange(let name):
            var bind = amqp_exchange_bind_t()
            bind.destination = arena.bytes(name)
            bind.source = arena.bytes(binding.source)
            bind.routing_key = arena.bytes(binding.routingKey)
            bind.arguments = arena.table(binding.arguments)
            try self.appendMethod(AMQP_EXCHANGE_BIND_METHOD, bind, channel: channel)
        }
    }

    private func append(
        unbind binding: Binding,
        channel: UInt16,
        arena: EncodingArena
    ) throws(EncodingFailure) {
        switch binding.destination {
        case .queue(let name):
            var unbind = amqp_queue_unbind_t()
            unbind.queue = arena.bytes(name)
            unbind.exchange = arena.bytes(binding.source)
            unbind.routing_key = arena.bytes(binding.routingKey)
            unbind.arguments = arena.table(binding.arguments)
            try self.appendMethod(AMQP_QUEUE_UNBIND_METHOD, unbind, channel: channel)
        case .exchange(let name):
            var unbind = amqp_exchange_unbind_t()
            unbind.destination = arena.bytes(name)
            unbind.source = arena.bytes(binding.source)
            unbind.routing_key = arena.bytes(binding.routingKey)
            unbind.arguments = arena.table(binding.arguments)
            try self.appendMethod(AMQP_EXCHANGE_UNBIND_METHOD, unbind, channel: channel)
        }
    }
}
