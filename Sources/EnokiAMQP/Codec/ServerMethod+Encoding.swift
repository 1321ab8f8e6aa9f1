import EnokiBroker
import NIOCore

extension ServerMethod {
    /// Writes the method as a whole frame. Counts that do not fit their field are written as the largest that does.
    func write(into buffer: inout ByteBuffer, channel: UInt16) {
        let start = buffer.beginFrame(.method, channel: channel)
        buffer.writeInteger(self.id.rawValue)
        self.writeFields(into: &buffer)
        buffer.endFrame(start)
    }

    private func writeFields(into buffer: inout ByteBuffer) {
        switch self {
        case .connectionStart(let serverProperties, let mechanisms, let locales):
            buffer.writeMultipleIntegers(UInt8(0), UInt8(9))
            serverProperties.write(into: &buffer)
            buffer.writeLongString(mechanisms)
            buffer.writeLongString(locales)
        case .connectionSecure(let challenge): buffer.writeLongString(challenge)
        case .connectionTune(let tune):
            buffer.writeMultipleIntegers(tune.channelMax, tune.frameMax, tune.heartbeat)
        case .connectionOpenOk: buffer.writeShortString("")
        case .connectionClose(let close), .channelClose(let close):
            buffer.writeInteger(close.code)
            if close.quotesOctets {
                buffer.writeShortString(latin1: close.text)
            } else {
                buffer.writeShortString(close.text)
            }
            buffer.writeMultipleIntegers(close.classID, close.methodID)
        case .connectionBlocked(let reason): buffer.writeShortString(reason)
        case .channelOpenOk: buffer.writeLongString("")
        case .channelFlow(let active), .channelFlowOk(let active): buffer.writeBits(active)
        case .accessRequestOk(let ticket): buffer.writeInteger(ticket)
        case .queueDeclareOk(let status):
            buffer.writeShortString(status.name)
            buffer.writeMultipleIntegers(
                UInt32(clamping: status.messageCount),
                UInt32(clamping: status.consumerCount)
            )
        case .queuePurgeOk(let count), .queueDeleteOk(let count): buffer.writeInteger(UInt32(clamping: count))
        case .basicConsumeOk(let tag), .basicCancelOk(let tag): buffer.writeShortString(tag)
        case .basicCancel(let tag):
            buffer.writeShortString(tag)
            buffer.writeBits(true)
        case .basicReturn(let code, let text, let exchange, let routingKey):
            buffer.writeInteger(code)
            buffer.writeShortString(text)
            buffer.writeShortString(exchange)
            buffer.writeShortString(routingKey)
        case .basicDeliver(let consumerTag, let deliveryTag, let redelivered, let exchange, let routingKey):
            buffer.writeShortString(consumerTag)
            buffer.writeInteger(deliveryTag)
            buffer.writeBits(redelivered)
            buffer.writeShortString(exchange)
            buffer.writeShortString(routingKey)
        case .basicGetOk(let deliveryTag, let redelivered, let exchange, let routingKey, let messageCount):
            buffer.writeInteger(deliveryTag)
            buffer.writeBits(redelivered)
            buffer.writeShortString(exchange)
            buffer.writeShortString(routingKey)
            buffer.writeInteger(UInt32(clamping: messageCount))
        case .basicGetEmpty: buffer.writeShortString("")
        case .basicAck(let tag, let multiple):
            buffer.writeInteger(tag)
            buffer.writeBits(multiple)
        case .basicNack(let tag, let multiple):
            // Without requeue: what the publisher sent is not taken.
            buffer.writeInteger(tag)
            buffer.writeBits(multiple)
        case .connectionCloseOk, .connectionUnblocked, .connectionUpdateSecretOk, .channelCloseOk, .exchangeDeclareOk,
            .exchangeDeleteOk, .exchangeBindOk, .exchangeUnbindOk, .queueBindOk, .queueUnbindOk, .basicQosOk,
            .basicRecoverOk, .confirmSelectOk, .txSelectOk, .txCommitOk, .txRollbackOk:
            break
        }
    }
}

extension ByteBuffer {
    /// Writes the octet of a boolean that shares it with none, or with such as are false.
    fileprivate mutating func writeBits(_ first: Bool) { self.writeInteger(first ? UInt8(1) : 0) }
}
