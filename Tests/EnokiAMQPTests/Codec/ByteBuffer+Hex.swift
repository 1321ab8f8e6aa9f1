import NIOCore

extension ByteBuffer {
    /// The octets that `hex` writes with two digits each.
    init(hex: String) {
        self.init()
        var rest = hex.utf8[...]
        while !rest.isEmpty {
            self.writeInteger(UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) ?? 0)
            rest = rest.dropFirst(2)
        }
    }

    /// The octets in hexadecimal, two digits each.
    var hex: String {
        self.readableBytesView.reduce(into: "") { $0 += ($1 < 16 ? "0" : "") + String($1, radix: 16) }
    }
}
