public import EnokiBroker

/// A method that a client sends on a channel, in the words of AMQP 0-9-1 and of RabbitMQ's extensions.
public enum AMQPMethod: Sendable {
    case exchangeDeclare(Exchange, passive: Bool = false)
    case exchangeDelete(String, ifUnused: Bool = false)
    case exchangeBind(String, to: String, key: String = "", arguments: Headers = [:])
    case exchangeUnbind(String, from: String, key: String = "", arguments: Headers = [:])
    case queueDeclare(Queue, passive: Bool = false)
    case queueBind(String, to: String, key: String = "", arguments: Headers = [:])
    case queueUnbind(String, from: String, key: String = "", arguments: Headers = [:])
    case queuePurge(String)
    case queueDelete(String, ifUnused: Bool = false, ifEmpty: Bool = false)
    case basicQos(count: UInt16, size: UInt32 = 0, global: Bool = false)
    case basicConsume(
        String,
        tag: String = "",
        noLocal: Bool = false,
        noAck: Bool = false,
        exclusive: Bool = false,
        arguments: Headers = [:]
    )
    case basicCancel(String)
    case basicPublish(Message, to: String, key: String, mandatory: Bool = false, immediate: Bool = false)
    case basicGet(String, noAck: Bool = false)
    case basicAck(UInt64, multiple: Bool = false)
    case basicNack(UInt64, multiple: Bool = false, requeue: Bool = true)
    case basicReject(UInt64, requeue: Bool = true)
    case basicRecover(requeue: Bool)
    /// The older form of recover, without an answer.
    case basicRecoverAsync(requeue: Bool)
    case confirmSelect
    case txSelect
    case txCommit
    case txRollback
    case channelFlow(active: Bool)
    case channelClose

    /// Whether the broker answers it.
    public var isAnswered: Bool {
        switch self {
        case .basicPublish, .basicAck, .basicNack, .basicReject, .basicRecoverAsync: false
        default: true
        }
    }
}

extension AMQPMethod: CustomStringConvertible {
    /// The method with its arguments, those that have their defaults left out.
    public var description: String {
        var words = Words()
        switch self {
        case .exchangeDeclare(let exchange, let passive):
            words.add("exchange.declare", exchange.name.quotedIfNeeded, exchange.kind.rawValue)
            words.add(passive: passive, durable: exchange.durable, autoDelete: exchange.autoDelete)
            words.add("internal", if: exchange.isInternal)
            words.add(exchange.arguments)
        case .exchangeDelete(let name, let ifUnused):
            words.add("exchange.delete", name.quotedIfNeeded)
            words.add("if-unused", if: ifUnused)
        case .exchangeBind(let destination, let source, let key, let arguments):
            words.add(
                "exchange.bind",
                destination.quotedIfNeeded,
                "to",
                source.quotedIfNeeded,
                "by",
                key.quotedIfNeeded
            )
            words.add(arguments)
        case .exchangeUnbind(let destination, let source, let key, let arguments):
            words.add("exchange.unbind", destination.quotedIfNeeded)
            words.add("from", source.quotedIfNeeded, "by", key.quotedIfNeeded)
            words.add(arguments)
        case .queueDeclare(let queue, let passive):
            words.add("queue.declare", queue.name.quotedIfNeeded)
            words.add(passive: passive, durable: queue.durable, autoDelete: queue.autoDelete)
            words.add("exclusive", if: queue.exclusive)
            words.add(queue.arguments)
        case .queueBind(let queue, let exchange, let key, let arguments):
            words.add("queue.bind", queue.quotedIfNeeded, "to", exchange.quotedIfNeeded, "by", key.quotedIfNeeded)
            words.add(arguments)
        case .queueUnbind(let queue, let exchange, let key, let arguments):
            words.add("queue.unbind", queue.quotedIfNeeded, "from", exchange.quotedIfNeeded, "by", key.quotedIfNeeded)
            words.add(arguments)
        case .queuePurge(let name): words.add("queue.purge", name.quotedIfNeeded)
        case .queueDelete(let name, let ifUnused, let ifEmpty):
            words.add("queue.delete", name.quotedIfNeeded)
            words.add("if-unused", if: ifUnused)
            words.add("if-empty", if: ifEmpty)
        case .basicQos(let count, let size, let global):
            words.add("basic.qos", "\(count)")
            words.add("size \(size)", if: size != 0)
            words.add("global", if: global)
        case .basicConsume(let queue, let tag, let noLocal, let noAck, let exclusive, let arguments):
            words.add("basic.consume", queue.quotedIfNeeded, "as", tag.quotedIfNeeded)
            words.add("no-local", if: noLocal)
            words.add("no-ack", if: noAck)
            words.add("exclusive", if: exclusive)
            words.add(arguments)
        case .basicCancel(let tag): words.add("basic.cancel", tag.quotedIfNeeded)
        case .basicPublish(let message, let exchange, let key, let mandatory, let immediate):
            words.add("basic.publish", TraceText.of(message))
            words.add("to", exchange.quotedIfNeeded, "by", key.quotedIfNeeded)
            words.add("mandatory", if: mandatory)
            words.add("immediate", if: immediate)
        case .basicGet(let queue, let noAck):
            words.add("basic.get", queue.quotedIfNeeded)
            words.add("no-ack", if: noAck)
        case .basicAck(let tag, let multiple):
            words.add("basic.ack", "\(tag)")
            words.add("multiple", if: multiple)
        case .basicNack(let tag, let multiple, let requeue):
            words.add("basic.nack", "\(tag)")
            words.add("multiple", if: multiple)
            words.add("requeue", if: requeue)
        case .basicReject(let tag, let requeue):
            words.add("basic.reject", "\(tag)")
            words.add("requeue", if: requeue)
        case .basicRecover(let requeue):
            words.add("basic.recover")
            words.add("requeue", if: requeue)
        case .basicRecoverAsync(let requeue):
            words.add("basic.recover-async")
            words.add("requeue", if: requeue)
        case .confirmSelect: words.add("confirm.select")
        case .txSelect: words.add("tx.select")
        case .txCommit: words.add("tx.commit")
        case .txRollback: words.add("tx.rollback")
        case .channelFlow(let active): words.add("channel.flow", active ? "on" : "off")
        case .channelClose: words.add("channel.close")
        }
        return words.list.joined(separator: " ")
    }

    private struct Words {
        var list: [String] = []

        mutating func add(_ words: String...) { self.list += words }

        mutating func add(_ word: String, if condition: Bool) { if condition { self.list.append(word) } }

        mutating func add(_ arguments: Headers) { if !arguments.isEmpty { self.list.append(TraceText.of(arguments)) } }

        mutating func add(passive: Bool, durable: Bool, autoDelete: Bool) {
            self.add("passive", if: passive)
            self.add("transient", if: !durable)
            self.add("auto-delete", if: autoDelete)
        }
    }
}

extension String {
    /// The name as it stands in a trace: in quotes where it would not read as one word.
    var quotedIfNeeded: String { self.isEmpty || self.contains(" ") ? "'\(self)'" : self }
}
