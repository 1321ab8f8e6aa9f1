import EnokiInProcess
import NIOCore

/// How RabbitMQ's texts write octets.
extension ByteBuffer {
    /// The octets as numbers, as Erlang's `~w` writes a binary. Of many only those that fit a reply text.
    var erlangNumbers: String {
        "<<" + self.readableBytesView.prefix(255).lazy.map(String.init).joined(separator: ",") + ">>"
    }
}

extension ErlangText {
    /// Writes at most the first 16 octets, and whether they are all (`rabbit_reader:payload_snippet`).
    mutating func write(snippetOf payload: ByteBuffer) {
        self.write("\(payload.readableBytes <= 16 ? "all" : "first 16") octets = ")
        self.write(binary: payload.readableBytesView.prefix(16))
    }
}
