import NIOCore

/// The eight octets that a client begins with (§4.2.2): what it wants to speak.
enum ProtocolHeader: Equatable {
    /// AMQP 0-9-1, or 0-9, which RabbitMQ treats as the same (`rabbit_reader:handshake`).
    case amqp091
    /// AMQP 0-8, in either of its spellings. RabbitMQ speaks it; this server answers with ``answer`` as to any other.
    case amqp08
    /// AMQP 1.0: 0 for itself, 2 for TLS and 3 for SASL before it.
    case amqp10(id: UInt8)
    /// Anything else, such as the first words of HTTP or TLS.
    case unknown([UInt8])

    /// What a server answers, before it closes the socket, to a protocol that it does not speak: the one that it does.
    static let answer: [UInt8] = Self.name + [0, 0, 9, 1]

    private static let name = Array("AMQP".utf8)

    /// Reads the octets; `nil`, and nothing read, when more are needed. RabbitMQ waits for all eight too.
    init?(from buffer: inout ByteBuffer) {
        guard let octets = buffer.readBytes(length: 8) else { return nil }
        guard octets.starts(with: Self.name) else {
            self = .unknown(octets)
            return
        }
        self =
            switch (octets[4], octets[5], octets[6], octets[7]) {
            case (0, 0, 9, 1), (1, 1, 0, 9): .amqp091
            case (1, 1, 8, 0), (1, 1, 9, 1): .amqp08
            case (let id, 1, 0, 0): .amqp10(id: id)
            default: .unknown(octets)
            }
    }
}
