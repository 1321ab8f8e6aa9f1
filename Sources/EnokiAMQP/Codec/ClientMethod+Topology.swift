import EnokiBroker
import NIOCore

/// The fields of the classes `exchange` and `queue` (AMQP 0-9-1 §1.6, §1.7).
extension ClientMethod {
    static func exchange(_ id: MethodID, from reader: inout FieldReader) throws(SyntaxError.Reason) -> ClientMethod {
        try reader.skipTicket()
        let name = try reader.name()
        switch id {
        case .exchangeDeclare:
            let kind = Exchange.Kind(rawValue: try reader.name())
            let bits = try reader.bits()
            let exchange = Exchange(
                name,
                kind,
                durable: bits[1],
                autoDelete: bits[2],
                isInternal: bits[3],
                arguments: try reader.table()
            )
            return .exchangeDeclare(exchange, passive: bits[0], noWait: bits[4])
        case .exchangeDelete:
            let bits = try reader.bits()
            return .exchangeDelete(name: name, ifUnused: bits[0], noWait: bits[1])
        case .exchangeBind, .exchangeUnbind:
            let source = try reader.name()
            let key = try reader.name()
            let noWait = try reader.bits()[0]
            let binding = Binding(
                from: source,
                to: .exchange(name),
                routingKey: key,
                arguments: try reader.table()
            )
            return id == .exchangeBind
                ? .exchangeBind(binding, noWait: noWait) : .exchangeUnbind(binding, noWait: noWait)
        default: throw .unknownMethod
        }
    }

    static func queue(_ id: MethodID, from reader: inout FieldReader) throws(SyntaxError.Reason) -> ClientMethod {
        try reader.skipTicket()
        let name = try reader.name()
        switch id {
        case .queueDeclare:
            let bits = try reader.bits()
            let queue = Queue(
                name,
                durable: bits[1],
                exclusive: bits[2],
                autoDelete: bits[3],
                arguments: try reader.table()
            )
            return .queueDeclare(queue, passive: bits[0], noWait: bits[4])
        case .queueBind, .queueUnbind:
            let source = try reader.name()
            let key = try reader.name()
            let noWait = id == .queueBind ? try reader.bits()[0] : false
            let binding = Binding(from: source, toQueue: name, routingKey: key, arguments: try reader.table())
            return id == .queueBind ? .queueBind(binding, noWait: noWait) : .queueUnbind(binding)
        case .queuePurge: return .queuePurge(queue: name, noWait: try reader.bits()[0])
        case .queueDelete:
            let bits = try reader.bits()
            return .queueDelete(queue: name, ifUnused: bits[0], ifEmpty: bits[1], noWait: bits[2])
        default: throw .unknownMethod
        }
    }
}
