import EnokiInProcess

/// Why a stream cannot be cut into frames any more.
///
/// RabbitMQ closes the connection with 501 `FRAME_ERROR`, reads nothing more, and drops the socket a few seconds later
/// (`rabbit_reader:fatal_frame_error`).
enum FrameError: Error, Equatable {
    /// The announced payload is larger than the agreed `frameMax`. The payload has not come yet.
    case tooLarge(Frame.Kind, channel: UInt16, size: Int, frameMax: Int)
    /// Another octet is where the frame must end.
    case badEnd(Frame, found: UInt8)

    /// The channel of the frame.
    var channel: UInt16 {
        switch self {
        case .tooLarge(_, let channel, _, _): channel
        case .badEnd(let frame, _): frame.channel
        }
    }

    /// RabbitMQ's words for it, behind the name of the code.
    var explanation: String {
        switch self {
        case .tooLarge(let kind, _, let size, let frameMax):
            return "type \(kind.octet), all octets = <<>>: {frame_too_large,\(size),\(frameMax - Frame.overhead)}"
        case .badEnd(let frame, let found):
            var text = frame.erlangText
            text.write(": ")
            text.write(atom: "invalid_frame_end_marker", "\(found)")
            return text.text
        }
    }
}
