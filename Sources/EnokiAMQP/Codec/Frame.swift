import EnokiInProcess
import NIOCore

/// A frame of AMQP 0-9-1 (§2.3): what it is, the channel that it belongs to, and its payload.
struct Frame: Equatable {
    /// What a frame holds.
    enum Kind: Hashable {
        case method
        case header
        case body
        case heartbeat
        /// What AMQP 0-9-1 does not know. RabbitMQ refuses it as ``isWellFormed`` says, when it has read all of the frame.
        case unknown(UInt8)
    }

    /// The octet that ends every frame.
    static let end: UInt8 = 0xCE
    /// What a frame takes before its payload: kind, channel and size.
    static let headerSize = 7
    /// What a frame takes besides its payload.
    static let overhead = 8

    let kind: Kind
    let channel: UInt16
    let payload: ByteBuffer
}

extension Frame.Kind {
    /// The kind that `octet` stands for.
    init(octet: UInt8) {
        self =
            switch octet {
            case 1: .method
            case 2: .header
            case 3: .body
            case 8: .heartbeat
            default: .unknown(octet)
            }
    }

    /// The octet that stands for the kind.
    var octet: UInt8 {
        switch self {
        case .method: 1
        case .header: 2
        case .body: 3
        case .heartbeat: 8
        case .unknown(let octet): octet
        }
    }
}

extension Frame {
    /// Whether a frame of its kind can have its payload: a method begins with 4 octets of numbers, a content header with 12
    /// octets, and a heartbeat has none.
    ///
    /// What is not well formed RabbitMQ refuses with 501 `FRAME_ERROR` and ``unknownFrame``, before anything else
    /// (`rabbit_command_assembler:analyze_frame`).
    var isWellFormed: Bool {
        switch self.kind {
        case .method: self.payload.readableBytes >= 4
        case .header: self.payload.readableBytes >= 12
        case .body: true
        case .heartbeat: self.payload.readableBytes == 0
        case .unknown: false
        }
    }

    /// RabbitMQ's words for a frame that is not well formed: 501 `FRAME_ERROR`.
    var unknownFrame: String { "\(self.unexpectedFrame): unknown_frame" }

    /// RabbitMQ's words for a frame that nobody waits for: 505 `UNEXPECTED_FRAME`, such as a body on channel 0 or a
    /// heartbeat on another (`rabbit_reader:unexpected_frame`).
    var unexpectedFrame: String { self.erlangText.text }

    /// The frame in RabbitMQ's words.
    var erlangText: ErlangText {
        var text = ErlangText("type \(self.kind.octet), ")
        text.write(snippetOf: self.payload)
        return text
    }
}
