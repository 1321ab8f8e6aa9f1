import CRabbitMQ
import EnokiBroker

extension BrokerError {
    /// What the end of a channel means to `method`, which caused it.
    init(_ closure: IncomingMethod.Closure, during method: Method) {
        let code = Code(reply: closure.code)
        var message = "\(method) failed: \(closure.text)"
        if let difference = InequivalentArgument(closure.text) {
            message = "\(method) failed: \(difference.explanation)"
        }
        self.init(code, message)
    }
}

extension BrokerError.Code {
    /// The meaning of an AMQP reply code (AMQP 0-9-1 §1.2).
    init(reply code: Int) {
        self =
            switch Int32(clamping: code) {
            case AMQP_NOT_FOUND: .notFound
            case AMQP_ACCESS_REFUSED: .accessRefused
            case AMQP_RESOURCE_LOCKED: .resourceLocked
            case AMQP_PRECONDITION_FAILED: .preconditionFailed
            default: .protocolViolation
            }
    }
}

/// What RabbitMQ says when an exchange or a queue exists with another argument:
/// `PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'q' in vhost '/': received 'true' but current is 'false'`.
struct InequivalentArgument: Equatable {
    let argument: String
    let entity: String
    let wanted: String
    let current: String

    init?(_ text: String) {
        guard
            let argument = text.firstMatch(between: "inequivalent arg '", and: "' for "),
            let entity = text.firstMatch(between: "' for ", and: " in vhost '"),
            let wanted = text.firstMatch(between: "received ", and: " but current is "),
            let current = text.firstRange(of: " but current is ").map({ String(text[$0.upperBound...]) })
        else { return nil }
        self.argument = argument
        self.entity = entity
        self.wanted = wanted
        self.current = current
    }

    var explanation: String {
        "\(self.entity) exists with other arguments: of '\(self.argument)' the broker has \(self.current),"
            + " wanted was \(self.wanted). Delete the \(self.entity.prefix { $0 != " " }), or declare it with the"
            + " broker's value, or leave the argument out and set it by a policy."
    }
}

extension String {
    fileprivate func firstMatch(between start: String, and end: String) -> String? {
        guard let from = self.firstRange(of: start) else { return nil }
        let rest = self[from.upperBound...]
        guard let to = rest.firstRange(of: end) else { return nil }
        return String(rest[..<to.lowerBound])
    }
}
