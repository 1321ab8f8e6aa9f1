import EnokiBroker

extension AMQPMethod {
    /// The payload of the method's frame.
    var wirePayload: [UInt8] {
        var writer: WireWriter
        switch self {
        case .exchangeDeclare(let exchange, let passive):
            writer = WireWriter(classID: 40, methodID: 10, reserved: true)
            writer.shortString(exchange.name)
            writer.shortString(exchange.kind.rawValue)
            for bit in [passive, exchange.durable, exchange.autoDelete, exchange.isInternal, false] { writer.bit(bit) }
            writer.table(exchange.arguments)
        case .exchangeDelete(let name, let ifUnused):
            writer = WireWriter(classID: 40, methodID: 20, reserved: true)
            writer.shortString(name)
            for bit in [ifUnused, false] { writer.bit(bit) }
        case .exchangeBind(let destination, let source, let key, let arguments):
            writer = WireWriter(classID: 40, methodID: 30, reserved: true)
            writer.binding(destination, source, key)
            writer.bit(false)
            writer.table(arguments)
        case .exchangeUnbind(let destination, let source, let key, let arguments):
            writer = WireWriter(classID: 40, methodID: 40, reserved: true)
            writer.binding(destination, source, key)
            writer.bit(false)
            writer.table(arguments)
        case .queueDeclare(let queue, let passive):
            writer = WireWriter(classID: 50, methodID: 10, reserved: true)
            writer.shortString(queue.name)
            for bit in [passive, queue.durable, queue.exclusive, queue.autoDelete, false] { writer.bit(bit) }
            writer.table(queue.arguments)
        case .queueBind(let queue, let exchange, let key, let arguments):
            writer = WireWriter(classID: 50, methodID: 20, reserved: true)
            writer.binding(queue, exchange, key)
            writer.bit(false)
            writer.table(arguments)
        case .queueUnbind(let queue, let exchange, let key, let arguments):
            writer = WireWriter(classID: 50, methodID: 50, reserved: true)
            writer.binding(queue, exchange, key)
            writer.table(arguments)
        case .queuePurge(let name):
            writer = WireWriter(classID: 50, methodID: 30, reserved: true)
            writer.shortString(name)
            writer.bit(false)
        case .queueDelete(let name, let ifUnused, let ifEmpty):
            writer = WireWriter(classID: 50, methodID: 40, reserved: true)
            writer.shortString(name)
            for bit in [ifUnused, ifEmpty, false] { writer.bit(bit) }
        case .basicQos(let count, let size, let global):
            writer = WireWriter(classID: 60, methodID: 10)
            writer.integer(size)
            writer.integer(count)
            writer.bit(global)
        case .basicConsume(let queue, let tag, let noLocal, let noAck, let exclusive, let arguments):
            writer = WireWriter(classID: 60, methodID: 20, reserved: true)
            writer.shortString(queue)
            writer.shortString(tag)
            for bit in [noLocal, noAck, exclusive, false] { writer.bit(bit) }
            writer.table(arguments)
        case .basicCancel(let tag):
            writer = WireWriter(classID: 60, methodID: 30)
            writer.shortString(tag)
            writer.bit(false)
        case .basicPublish(_, let exchange, let key, let mandatory, let immediate):
            writer = WireWriter(classID: 60, methodID: 40, reserved: true)
            writer.shortString(exchange)
            writer.shortString(key)
            for bit in [mandatory, immediate] { writer.bit(bit) }
        case .basicGet(let queue, let noAck):
            writer = WireWriter(classID: 60, methodID: 70, reserved: true)
            writer.shortString(queue)
            writer.bit(noAck)
        case .basicAck(let tag, let multiple): writer = .settlement(methodID: 80, tag, [multiple])
        case .basicReject(let tag, let requeue): writer = .settlement(methodID: 90, tag, [requeue])
        case .basicNack(let tag, let multiple, let requeue):
            writer = .settlement(methodID: 120, tag, [multiple, requeue])
        case .basicRecover(let requeue):
            writer = WireWriter(classID: 60, methodID: 110)
            writer.bit(requeue)
        case .basicRecoverAsync(let requeue):
            writer = WireWriter(classID: 60, methodID: 100)
            writer.bit(requeue)
        case .confirmSelect:
            writer = WireWriter(classID: 85, methodID: 10)
            writer.bit(false)
        case .txSelect: writer = WireWriter(classID: 90, methodID: 10)
        case .txCommit: writer = WireWriter(classID: 90, methodID: 20)
        case .txRollback: writer = WireWriter(classID: 90, methodID: 30)
        case .channelFlow(let active):
            writer = WireWriter(classID: 20, methodID: 20)
            writer.bit(active)
        case .channelClose: writer = .close(classID: 20, methodID: 40)
        }
        return writer.finish()
    }
}

extension WireWriter {
    /// `channel.close` or `connection.close` of a client that is done.
    static func close(classID: UInt16, methodID: UInt16) -> WireWriter {
        var writer = WireWriter(classID: classID, methodID: methodID)
        writer.integer(UInt16(200))
        writer.shortString("done")
        writer.integer(UInt32(0))
        return writer
    }

    /// A method whose first argument is the reserved short that once was a ticket.
    fileprivate init(classID: UInt16, methodID: UInt16, reserved: Bool) {
        self.init(classID: classID, methodID: methodID)
        self.integer(UInt16(0))
    }

    fileprivate mutating func binding(_ destination: String, _ source: String, _ key: String) {
        self.shortString(destination)
        self.shortString(source)
        self.shortString(key)
    }

    fileprivate static func settlement(methodID: UInt16, _ tag: UInt64, _ bits: [Bool]) -> WireWriter {
        var writer = WireWriter(classID: 60, methodID: methodID)
        writer.integer(tag)
        for bit in bits { writer.bit(bit) }
        return writer
    }
}
