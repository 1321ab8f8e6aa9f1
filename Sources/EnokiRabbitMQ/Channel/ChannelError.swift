import CRabbitMQ
import EnokiBroker

extension BrokerError {
    /// What the end of a channel means to `method`, which caused it.
    init(_ closure: IncomingMethod.Closure, during method: Method) {
        let code = Code(reply: closure.code)
        let difference = InequivalentArgument(closure.text)
        self.init(code, "\(method) failed: \(difference?.description ?? closure.text)")
        self.inequivalentArgument = difference
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
