import NIOCore

extension WireFault {
    /// What a frame is.
    public enum FrameKind: UInt32, Sendable, Hashable, CaseIterable {
        // MARK: no method
        /// The eight octets with which a client begins, or which the server answers to another protocol.
        case protocolHeader = 0
        /// What announces a message's body, with the message's properties.
        case contentHeader = 2
        /// A part of a message's body.
        case contentBody = 3
        /// A sign of life.
        case heartbeat = 8

        // MARK: connection
        /// `connection.start`.
        case connectionStart = 0x000A_000A
        /// `connection.start-ok`.
        case connectionStartOk = 0x000A_000B
        /// `connection.secure`.
        case connectionSecure = 0x000A_0014
        /// `connection.secure-ok`.
        case connectionSecureOk = 0x000A_0015
        /// `connection.tune`.
        case connectionTune = 0x000A_001E
        /// `connection.tune-ok`.
        case connectionTuneOk = 0x000A_001F
        /// `connection.open`.
        case connectionOpen = 0x000A_0028
        /// `connection.open-ok`.
        case connectionOpenOk = 0x000A_0029
        /// `connection.close`.
        case connectionClose = 0x000A_0032
        /// `connection.close-ok`.
        case connectionCloseOk = 0x000A_0033
        /// `connection.blocked`.
        case connectionBlocked = 0x000A_003C
        /// `connection.unblocked`.
        case connectionUnblocked = 0x000A_003D
        /// `connection.update-secret`.
        case connectionUpdateSecret = 0x000A_0046
        /// `connection.update-secret-ok`.
        case connectionUpdateSecretOk = 0x000A_0047

        // MARK: channel
        /// `channel.open`.
        case channelOpen = 0x0014_000A
        /// `channel.open-ok`.
        case channelOpenOk = 0x0014_000B
        /// `channel.flow`.
        case channelFlow = 0x0014_0014
        /// `channel.flow-ok`.
        case channelFlowOk = 0x0014_0015
        /// `channel.close`.
        case channelClose = 0x0014_0028
        /// `channel.close-ok`.
        case channelCloseOk = 0x0014_0029

        // MARK: access
        /// `access.request`.
        case accessRequest = 0x001E_000A
        /// `access.request-ok`.
        case accessRequestOk = 0x001E_000B

        // MARK: exchange
        /// `exchange.declare`.
        case exchangeDeclare = 0x0028_000A
        /// `exchange.declare-ok`.
        case exchangeDeclareOk = 0x0028_000B
        /// `exchange.delete`.
        case exchangeDelete = 0x0028_0014
        /// `exchange.delete-ok`.
        case exchangeDeleteOk = 0x0028_0015
        /// `exchange.bind`.
        case exchangeBind = 0x0028_001E
        /// `exchange.bind-ok`.
        case exchangeBindOk = 0x0028_001F
        /// `exchange.unbind`.
        case exchangeUnbind = 0x0028_0028
        /// `exchange.unbind-ok`.
        case exchangeUnbindOk = 0x0028_0033

        // MARK: queue
        /// `queue.declare`.
        case queueDeclare = 0x0032_000A
        /// `queue.declare-ok`.
        case queueDeclareOk = 0x0032_000B
        /// `queue.bind`.
        case queueBind = 0x0032_0014
        /// `queue.bind-ok`.
        case queueBindOk = 0x0032_0015
        /// `queue.purge`.
        case queuePurge = 0x0032_001E
        /// `queue.purge-ok`.
        case queuePurgeOk = 0x0032_001F
        /// `queue.delete`.
        case queueDelete = 0x0032_0028
        /// `queue.delete-ok`.
        case queueDeleteOk = 0x0032_0029
        /// `queue.unbind`.
        case queueUnbind = 0x0032_0032
        /// `queue.unbind-ok`.
        case queueUnbindOk = 0x0032_0033

        // MARK: basic
        /// `basic.qos`.
        case basicQos = 0x003C_000A
        /// `basic.qos-ok`.
        case basicQosOk = 0x003C_000B
        /// `basic.consume`.
        case basicConsume = 0x003C_0014
        /// `basic.consume-ok`.
        case basicConsumeOk = 0x003C_0015
        /// `basic.cancel`.
        case basicCancel = 0x003C_001E
        /// `basic.cancel-ok`.
        case basicCancelOk = 0x003C_001F
        /// `basic.publish`.
        case basicPublish = 0x003C_0028
        /// `basic.return`.
        case basicReturn = 0x003C_0032
        /// `basic.deliver`.
        case basicDeliver = 0x003C_003C
        /// `basic.get`.
        case basicGet = 0x003C_0046
        /// `basic.get-ok`.
        case basicGetOk = 0x003C_0047
        /// `basic.get-empty`.
        case basicGetEmpty = 0x003C_0048
        /// `basic.ack`.
        case basicAck = 0x003C_0050
        /// `basic.reject`.
        case basicReject = 0x003C_005A
        /// `basic.recover-async`.
        case basicRecoverAsync = 0x003C_0064
        /// `basic.recover`.
        case basicRecover = 0x003C_006E
        /// `basic.recover-ok`.
        case basicRecoverOk = 0x003C_006F
        /// `basic.nack`.
        case basicNack = 0x003C_0078

        // MARK: confirm
        /// `confirm.select`.
        case confirmSelect = 0x0055_000A
        /// `confirm.select-ok`.
        case confirmSelectOk = 0x0055_000B

        // MARK: tx
        /// `tx.select`.
        case txSelect = 0x005A_000A
        /// `tx.select-ok`.
        case txSelectOk = 0x005A_000B
        /// `tx.commit`.
        case txCommit = 0x005A_0014
        /// `tx.commit-ok`.
        case txCommitOk = 0x005A_0015
        /// `tx.rollback`.
        case txRollback = 0x005A_001E
        /// `tx.rollback-ok`.
        case txRollbackOk = 0x005A_001F
    }
}

extension WireFault.FrameKind {
    /// What `frame` is; `nil` where AMQP 0-9-1 does not know it.
    init?(_ frame: Frame) {
        switch frame.kind {
        case .method:
            guard let id = frame.payload.getInteger(at: frame.payload.readerIndex, as: UInt32.self),
                let method = MethodID(rawValue: id)
            else { return nil }
            self.init(rawValue: method.rawValue)
        case .header: self = .contentHeader
        case .body: self = .contentBody
        case .heartbeat: self = .heartbeat
        case .unknown: return nil
        }
    }
}
