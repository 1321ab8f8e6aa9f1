import EnokiBroker
import NIOCore

/// The fields of the classes `connection` and `channel` (AMQP 0-9-1 §1.4, §1.5).
extension ClientMethod {
    static func connection(
        _ id: MethodID,
        from reader: inout FieldReader
    ) throws(SyntaxError.Reason) -> ClientMethod {
        switch id {
        case .connectionStartOk:
            return .connectionStartOk(
                ConnectionStartOk(
                    clientProperties: try reader.table(),
                    mechanism: try reader.name(),
                    response: Secret(try reader.longString()),
                    locale: try reader.name()
                )
            )
        case .connectionSecureOk: return .connectionSecureOk(response: Secret(try reader.longString()))
        case .connectionTuneOk:
            return .connectionTuneOk(
                ConnectionTune(
                    channelMax: try reader.integer(),
                    frameMax: try reader.integer(),
                    heartbeat: try reader.integer()
                )
            )
        case .connectionOpen:
            let virtualHost = try reader.name()
            try reader.skipShortString()
            _ = try reader.bits()
            return .connectionOpen(virtualHost: virtualHost)
        case .connectionClose: return .connectionClose(try self.close(from: &reader))
        case .connectionCloseOk: return .connectionCloseOk
        case .connectionUpdateSecret:
            return .connectionUpdateSecret(Secret(try reader.longString()), reason: try reader.name())
        default: throw .unknownMethod
        }
    }

    static func channel(_ id: MethodID, from reader: inout FieldReader) throws(SyntaxError.Reason) -> ClientMethod {
        switch id {
        case .channelOpen:
            try reader.skipShortString()
            return .channelOpen
        case .channelFlow: return .channelFlow(active: try reader.bits()[0])
        case .channelFlowOk: return .channelFlowOk(active: try reader.bits()[0])
        case .channelClose: return .channelClose(try self.close(from: &reader))
        case .channelCloseOk: return .channelCloseOk
        default: throw .unknownMethod
        }
    }

    private static func close(from reader: inout FieldReader) throws(SyntaxError.Reason) -> Close {
        Close(
            code: try reader.integer(),
            text: try reader.name(),
            classID: try reader.integer(),
            methodID: try reader.integer()
        )
    }
}
