import EnokiBroker
import NIOCore

@testable import EnokiAMQP

/// Frames of a client. What is read of a header can be written and read again.
func fuzzAMQP(_ octets: [UInt8]) {
    var decoder = FrameDecoder()
    decoder.append(ByteBuffer(bytes: octets.prefix(octets.count / 2)))
    decoder.append(ByteBuffer(bytes: octets.dropFirst(octets.count / 2)))
    _ = decoder.protocolHeader()
    while let frame = try? decoder.next(frameMax: 4096) {
        _ = try? ClientMethod.decode(from: frame.payload)
        guard let header = try? ContentHeader(from: frame.payload) else { continue }
        var written = ByteBuffer()
        header.properties.write(into: &written)
        var reader = FieldReader(written)
        guard (try? reader.properties()) != nil, reader.isAtEnd else { fatalError("properties cannot be read again") }
    }
    // Without a frame around them, which is hard to guess.
    _ = try? ClientMethod.decode(from: ByteBuffer(bytes: octets))
    _ = try? ContentHeader(from: ByteBuffer(bytes: octets))
    var table = FieldReader(ByteBuffer(bytes: octets))
    _ = try? table.table()
}
