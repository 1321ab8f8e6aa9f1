import EnokiBroker
import EnokiInProcess

extension ClientChannel {
    /// Carries out a method of the client on the broker.
    ///
    /// - Throws: ``ConnectionFailure`` for one that has no place on an open channel.
    func perform(_ method: ClientMethod) throws(ConnectionFailure) {
        switch method {
        case .channelFlow(let active):
            self.perform { (broker) throws(AMQPException) in
                try broker.flow(active: active)
                return .method(.channelFlowOk(active: active))
            }
        case .accessRequest:
            self.perform { (broker) throws(AMQPException) in
                try broker.requestAccess()
                return .method(.accessRequestOk(ticket: 1))
            }
        case .exchangeDeclare(let exchange, let passive, let noWait):
            self.perform(noWait: noWait) { (broker) throws(AMQPException) in
                if passive {
                    try broker.declarePassively(exchange: exchange.name)
                } else {
                    try broker.declare(exchange)
                }
                return .method(.exchangeDeclareOk)
            }
        case .exchangeDelete(let name, let ifUnused, let noWait):
            self.perform(noWait: noWait) { (broker) throws(AMQPException) in
                try broker.delete(exchange: name, ifUnused: ifUnused)
                return .method(.exchangeDeleteOk)
            }
        case .exchangeBind(let binding, let noWait):
            self.perform(noWait: noWait) { (broker) throws(AMQPException) in
                try broker.bind(binding)
                return .method(.exchangeBindOk)
            }
        case .exchangeUnbind(let binding, let noWait):
            self.perform(noWait: noWait) { (broker) throws(AMQPException) in
                try broker.unbind(binding)
                return .method(.exchangeUnbindOk)
            }
        case .queueDeclare(let queue, let passive, let noWait):
            self.perform(noWait: noWait) { (broker) throws(AMQPException) in
                let status = passive ? try broker.declarePassively(queue: queue.name) : try broker.declare(queue)
                return .method(.queueDeclareOk(status))
            }
        case .queueBind(let binding, let noWait):
            self.perform(noWait: noWait) { (broker) throws(AMQPException) in
                try broker.bind(binding)
                return .method(.queueBindOk)
            }
        case .queueUnbind(let binding):
            self.perform { (broker) throws(AMQPException) in
                try broker.unbind(binding)
                return .method(.queueUnbindOk)
            }
        case .queuePurge(let queue, let noWait):
            self.perform(noWait: noWait) { (broker) throws(AMQPException) in
                .method(.queuePurgeOk(messageCount: try broker.purge(queue: queue)))
            }
        case .queueDelete(let queue, let ifUnused, let ifEmpty, let noWait):
            self.perform(noWait: noWait) { (broker) throws(AMQPException) in
                let count = try broker.delete(queue: queue, ifUnused: ifUnused, ifEmpty: ifEmpty)
                return .method(.queueDeleteOk(messageCount: count))
            }
        case .basicQos(let size, let count, let global):
            self.perform { (broker) throws(AMQPException) in
                try broker.qos(prefetch: Int(count), size: Int(size), global: global)
                return .method(.basicQosOk)
            }
        case .basicConsume(let request, let noWait):
            self.perform(noWait: noWait) { (broker) throws(AMQPException) in
                .method(.basicConsumeOk(consumerTag: try broker.consume(request)))
            }
        case .basicCancel(let tag, let noWait):
            self.perform(noWait: noWait) { (broker) throws(AMQPException) in
                try broker.cancel(consumerTag: tag)
                return .method(.basicCancelOk(consumerTag: tag))
            }
        case .basicGet(let queue, let noAck):
            self.perform { (broker) throws(AMQPException) in
                try broker.get(queue: queue, noAck: noAck).map { .message($0) } ?? .method(.basicGetEmpty)
            }
        case .basicAck(let tag, let multiple):
            self.performUnanswered { (broker) throws(AMQPException) in try broker.ack(tag, multiple: multiple) }
        case .basicNack(let tag, let multiple, let requeue):
            self.performUnanswered { (broker) throws(AMQPException) in
                try broker.nack(tag, multiple: multiple, requeue: requeue)
            }
        case .basicReject(let tag, let requeue):
            self.performUnanswered { (broker) throws(AMQPException) in try broker.reject(tag, requeue: requeue) }
        case .basicRecover(let requeue):
            self.perform { (broker) throws(AMQPException) in
                try broker.recover(requeue: requeue)
                return .method(.basicRecoverOk)
            }
        case .basicRecoverAsync(let requeue):
            self.performUnanswered { (broker) throws(AMQPException) in try broker.recoverAsync(requeue: requeue) }
        case .confirmSelect(let noWait):
            self.perform(noWait: noWait) { (broker) throws(AMQPException) in
                try broker.selectConfirms()
                return .method(.confirmSelectOk)
            }
        case .txSelect:
            self.perform { (broker) throws(AMQPException) in
                try broker.selectTransactions()
                return .method(.txSelectOk)
            }
        case .txCommit:
            self.perform { (broker) throws(AMQPException) in
                try broker.commit()
                return .method(.txCommitOk)
            }
        case .txRollback:
            self.perform { (broker) throws(AMQPException) in
                try broker.rollBack()
                return .method(.txRollbackOk)
            }
        case .channelOpen: throw ConnectionFailure(.channelError, "second 'channel.open' seen", method: method.id)
        case .connectionStartOk, .connectionSecureOk, .connectionTuneOk, .connectionOpen, .connectionClose,
            .connectionCloseOk, .connectionUpdateSecret, .channelClose, .channelCloseOk, .channelFlowOk, .basicPublish,
            .basicCancelOk:
            throw ConnectionFailure(.commandInvalid, "unimplemented method", method: method.id)
        }
    }
}
