import EnokiBroker

extension BrokerError {
    /// What a broker's exception means to who uses the broker: RabbitMQ's words, and what to do.
    init(_ exception: AMQPException) {
        let code: Code =
            switch exception.code {
            case .noRoute: .unroutable
            case .accessRefused, .invalidPath: .accessRefused
            case .notFound: .notFound
            case .resourceLocked: .resourceLocked
            case .preconditionFailed: .preconditionFailed
            case .commandInvalid, .notImplemented: .invalidArgument
            case .connectionForced, .channelError: .closed
            case .contentTooLarge, .frameError, .syntaxError, .unexpectedFrame: .protocolViolation
            case .resourceError, .notAllowed, .internalError: .protocolViolation
            }
        let remedy = Self.remedy(for: exception)
        self.init(code, remedy.isEmpty ? exception.text : "\(exception.text). \(remedy)")
        self.inequivalentArgument = InequivalentArgument(exception.text)
    }

    private static func remedy(for exception: AMQPException) -> String {
        switch exception.code {
        case .notFound: "Declare it first."
        case .resourceLocked: "Use the connection that declared it, or another name."
        case .preconditionFailed where exception.text.contains("inequivalent arg"):
            "Declare it as it is, or delete it first and lose what it holds."
        case .accessRefused where exception.text.contains("in exclusive use"):
            "An exclusive consumer must be the only one of its queue: cancel the other, or consume without exclusive."
        case .accessRefused where exception.text.contains("default exchange"):
            "Every queue is bound to it under its name already; declare an exchange of your own for other bindings."
        case .accessRefused where exception.text.contains("reserved prefix"): "Choose another name."
        case .connectionForced, .channelError: "Make a new one with connect(name:)."
        default: ""
        }
    }

    static func noRoute(exchange: String, routingKey: String) -> BrokerError {
        BrokerError(
            .unroutable,
            "NO_ROUTE (312) - exchange '\(exchange)' routes the mandatory message with routing key '\(routingKey)' to no "
                + "queue. Bind a queue for it: is the service that owns it running?"
        )
    }

    static var nacked: BrokerError {
        BrokerError(
            .rejected,
            "The broker refused the message (basic.nack): a queue that it was routed to is full and its x-overflow is "
                + "reject-publish. Publish it again later."
        )
    }

    static var confirmLost: BrokerError {
        BrokerError(
            .outcomeUnknown,
            "The connection was lost before the broker confirmed the message: it may be in its queues or not. "
                + "Publishing it again may make a duplicate."
        )
    }

    static var confirmLostTwice: BrokerError {
        BrokerError(
            .outcomeUnknown,
            "The message was sent again on a new connection, and that was lost before the broker confirmed it too: the "
                + "message may be in its queues, once or twice, or not. Publishing it again may make another duplicate."
        )
    }

    static func confirmLost(andThen error: BrokerError) -> BrokerError {
        BrokerError(
            .outcomeUnknown,
            "The connection was lost before the broker confirmed the message, and sending it again failed: "
                + "\(error.message)"
        )
    }

    static func notSent(_ status: BrokerStatus, after timeout: Duration) -> BrokerError {
        BrokerError(
            .notSent,
            "The message was not sent within \(timeout): the broker is \(status). Nothing was published: publish it again."
        )
    }

    static func noAnswer(_ status: BrokerStatus) -> BrokerError {
        BrokerError(.timedOut, "The broker did not answer in time: it is \(status). Try again when it is connected.")
    }

    static func confirmLate(after timeout: Duration) -> BrokerError {
        BrokerError(
            .outcomeUnknown,
            "The broker did not confirm the message within \(timeout): it may be in its queues or not. Publishing it again "
                + "may make a duplicate."
        )
    }

    static func unknownExchangeType(_ exchange: Exchange) -> BrokerError {
        BrokerError(
            .invalidArgument,
            "COMMAND_INVALID - unknown exchange type '\(exchange.kind)' of exchange '\(exchange.name)'. "
                + "Use direct, topic, fanout or headers."
        )
    }

    static var brokerClosed: BrokerError {
        BrokerError(.closed, "The in-process broker is closed: its run() has returned. Make a new one.")
    }

    static var connectionClosed: BrokerError {
        BrokerError(.closed, "The connection to the in-process broker is closed. Make a new one with connect(name:).")
    }
}
