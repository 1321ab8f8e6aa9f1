import CRabbitMQ
import EnokiBroker

@testable import EnokiRabbitMQ

/// Frames of a broker, as the loop of a session reads them.
func fuzzRabbitMQ(_ octets: [UInt8]) {
    var assembly = ContentAssembly(maxBodySize: 1 << 16)
    try? FrameDecoder.withoutConnection { decoder in
        try decoder.decode(octets) { frame in
            do throws(ContentAssembly.Violation) {
                switch Int32(frame.frame_type) {
                case AMQP_FRAME_METHOD:
                    switch IncomingMethod(frame.payload.method) {
                    case .deliver(let envelope): try assembly.begin(.delivery(envelope))
                    case .returned(let reason): try assembly.begin(.returned(reason))
                    case .channelClosed(let closure):
                        _ = BrokerError(closure, during: .cancel(tag: "1"))
                    default: break
                    }
                case AMQP_FRAME_HEADER, AMQP_FRAME_BODY: _ = try assembly.add(frame)
                default: break
                }
                return true
            } catch {
                return false
            }
        }
    }
}
