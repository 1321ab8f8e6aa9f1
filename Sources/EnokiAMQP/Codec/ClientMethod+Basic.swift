import EnokiBroker
import EnokiInProcess
import NIOCore

/// The fields of the class `basic` (AMQP 0-9-1 §1.8).
extension ClientMethod {
    static func basic(_ id: MethodID, from reader: inout FieldReader) throws(SyntaxError.Reason) -> ClientMethod {
        switch id {
        case .basicPublish:
            try reader.skipTicket()
            let exchange = try reader.name()
            let key = try reader.name()
            let bits = try reader.bits()
            return .basicPublish(exchange: exchange, routingKey: key, mandatory: bits[0], immediate: bits[1])
        case .basicAck:
            let tag: DeliveryTag = try reader.integer()
            return .basicAck(tag, multiple: try reader.bits()[0])
        case .basicReject:
            let tag: DeliveryTag = try reader.integer()
            return .basicReject(tag, requeue: try reader.bits()[0])
        case .basicNack:
            let tag: DeliveryTag = try reader.integer()
            let bits = try reader.bits()
            return .basicNack(tag, multiple: bits[0], requeue: bits[1])
        case .basicGet:
            try reader.skipTicket()
            return .basicGet(queue: try reader.name(), noAck: try reader.bits()[0])
        case .basicConsume: return try self.consume(from: &reader)
        case .basicCancel:
            return .basicCancel(consumerTag: try reader.name(), noWait: try reader.bits()[0])
        case .basicCancelOk: return .basicCancelOk(consumerTag: try reader.name())
        case .basicQos:
            return .basicQos(
                prefetchSize: try reader.integer(),
                prefetchCount: try reader.integer(),
                global: try reader.bits()[0]
            )
        case .basicRecover: return .basicRecover(requeue: try reader.bits()[0])
        case .basicRecoverAsync: return .basicRecoverAsync(requeue: try reader.bits()[0])
        default: throw .unknownMethod
        }
    }

    private static func consume(from reader: inout FieldReader) throws(SyntaxError.Reason) -> ClientMethod {
        try reader.skipTicket()
        var request = ConsumeRequest(queue: try reader.name())
        request.consumerTag = try reader.name()
        // The first bit is no-local, which RabbitMQ does not know.
        let bits = try reader.bits()
        request.noAck = bits[1]
        request.exclusive = bits[2]
        request.arguments = try reader.table()
        return .basicConsume(request, noWait: bits[3])
    }
}
