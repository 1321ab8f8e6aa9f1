import EnokiBroker

/// A method that a broker sends on a channel.
enum WireMethod {
    case reply(AMQPReply)
    case event(AMQPEvent)
    /// One with content: what it becomes when header and body have come.
    case content((Message) -> WireMethod)

    /// Reads a method frame's payload.
    init(_ payload: [UInt8]) throws {
        var reader = WireReader(payload)
        let classID = try reader.integer(UInt16.self)
        let methodID = try reader.integer(UInt16.self)
        switch (classID, methodID) {
        case (20, 21): self = .reply(.flow(active: try reader.bit()))
        case (20, 11), (20, 41), (40, 11), (40, 21), (40, 31), (40, 51), (50, 21), (50, 51), (60, 11), (60, 111),
            (85, 11), (90, 11), (90, 21), (90, 31):
            self = .reply(.ok)
        case (20, 40): self = .event(.closed(try reader.closure(of: .channel)))
        case (50, 11):
            let name = try reader.shortString()
            let messages = Int(try reader.integer(UInt32.self))
            let consumers = Int(try reader.integer(UInt32.self))
            self = .reply(.queue(QueueStatus(name: name, messageCount: messages, consumerCount: consumers)))
        case (50, 31), (50, 41): self = .reply(.count(Int(try reader.integer(UInt32.self))))
        case (60, 21), (60, 31): self = .reply(.consumer(tag: try reader.shortString()))
        case (60, 30): self = .event(.cancelled(consumerTag: try reader.shortString()))
        case (60, 72): self = .reply(.empty)
        case (60, 80): self = .event(.acked(try reader.integer(), multiple: try reader.bit()))
        case (60, 120): self = .event(.nacked(try reader.integer(), multiple: try reader.bit()))
        case (60, 50):
            let code = Int(try reader.integer(UInt16.self))
            let text = try reader.shortString()
            let exchange = try reader.shortString()
            let key = try reader.shortString()
            self = .content {
                .event(.returned(AMQPReturn(code: code, text: text, exchange: exchange, routingKey: key, message: $0)))
            }
        case (60, 60):
            var delivery = try reader.delivery(consumerTag: try reader.shortString())
            self = .content {
                delivery.message = $0
                return .event(.deliver(delivery))
            }
        case (60, 71):
            var delivery = try reader.delivery(consumerTag: nil)
            let remaining = Int(try reader.integer(UInt32.self))
            self = .content {
                delivery.message = $0
                return .reply(.message(delivery, remaining: remaining))
            }
        default: throw WireReader.Malformed()
        }
    }
}

extension WireReader {
    /// Reads the arguments of `channel.close` or `connection.close`.
    mutating func closure(of level: AMQPClosure.Level) throws -> AMQPClosure {
        AMQPClosure(
            level,
            code: Int(try self.integer(UInt16.self)),
            text: try self.shortString(),
            classID: Int(try self.integer(UInt16.self)),
            methodID: Int(try self.integer(UInt16.self))
        )
    }

    fileprivate mutating func delivery(consumerTag: String?) throws -> AMQPDelivery {
        AMQPDelivery(
            consumerTag: consumerTag,
            deliveryTag: try self.integer(),
            redelivered: try self.bit(),
            exchange: try self.shortString(),
            routingKey: try self.shortString(),
            message: Message("")
        )
    }
}
