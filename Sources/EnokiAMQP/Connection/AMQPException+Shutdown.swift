import EnokiInProcess

extension AMQPException {
    /// What RabbitMQ says when it is stopped.
    static var shutdown: AMQPException {
        AMQPException(.connectionForced, "broker forced connection closure with reason 'shutdown'")
    }
}
