import EnokiBroker
import EnokiInProcess
import NIOCore

extension ClientMethod {
    /// Reads the payload of a method frame, all of it.
    static func decode(from payload: ByteBuffer) throws(SyntaxError) -> ClientMethod {
        var fields = payload
        guard let classID = fields.readInteger(as: UInt16.self), let methodID = fields.readInteger(as: UInt16.self)
        else { throw SyntaxError(reason: .cannotDecode, classID: 0, methodID: 0, fields: payload) }
        do throws(SyntaxError.Reason) {
            guard let id = MethodID(classID: classID, methodID: methodID) else {
                throw .unknownMethod
            }
            var reader = FieldReader(fields)
            let method = try Self.decode(id, from: &reader)
            try reader.checkEnd()
            return method
        } catch {
            throw SyntaxError(reason: error, classID: classID, methodID: methodID, fields: fields)
        }
    }

    private static func decode(
        _ id: MethodID,
        from reader: inout FieldReader
    ) throws(SyntaxError.Reason) -> ClientMethod {
        switch id {
        case .basicPublish, .basicAck, .basicNack, .basicReject, .basicGet, .basicQos, .basicConsume, .basicCancel,
            .basicCancelOk, .basicRecover, .basicRecoverAsync:
            try self.basic(id, from: &reader)
        case .connectionStartOk, .connectionSecureOk, .connectionTuneOk, .connectionOpen, .connectionClose,
            .connectionCloseOk, .connectionUpdateSecret:
            try self.connection(id, from: &reader)
        case .channelOpen, .channelFlow, .channelFlowOk, .channelClose, .channelCloseOk:
            try self.channel(id, from: &reader)
        case .exchangeDeclare, .exchangeDelete, .exchangeBind, .exchangeUnbind:
            try self.exchange(id, from: &reader)
        case .queueDeclare, .queueBind, .queueUnbind, .queuePurge, .queueDelete:
            try self.queue(id, from: &reader)
        case .accessRequest: try self.accessRequest(from: &reader)
        case .confirmSelect: .confirmSelect(noWait: try reader.bits()[0])
        case .txSelect: .txSelect
        case .txCommit: .txCommit
        case .txRollback: .txRollback
        default: throw .methodOfServers
        }
    }

    private static func accessRequest(from reader: inout FieldReader) throws(SyntaxError.Reason) -> ClientMethod {
        try reader.skipShortString()
        _ = try reader.bits()
        return .accessRequest
    }
}
