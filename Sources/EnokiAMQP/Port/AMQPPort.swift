/// A port at which a broker takes clients: where they find it.
public struct AMQPPort: Sendable, Hashable {
    /// Where it listens, with the number that was free where none was asked for.
    public let address: AMQPAddress
    /// The virtual hosts that it serves.
    public let virtualHosts: [String]
    let wireFaults: WireFaults

    /// The number of the port.
    public var number: Int { self.address.port }

    /// What the fault plan has made go wrong so far, in order: a plan that does the same.
    public var faults: [WireFault] { self.wireFaults.occurred }

    /// The URI of a virtual host for a client with the user's name and password, such as
    /// `amqp://guest:guest@127.0.0.1:5672/%2F`. It has the password in it: do not log it.
    ///
    /// - Parameters:
    ///   - user: Who logs in; by default `guest`.
    ///   - virtualHost: The virtual host; by default the port's first.
    public func uri(user: AMQPUser = .guest, virtualHost: String? = nil) -> String {
        let host = virtualHost ?? self.virtualHosts.first ?? "/"
        return
            "amqp://\(user.name.percentEncoded):\(user.password.percentEncoded)@\(self.address)/\(host.percentEncoded)"
    }
}

extension String {
    /// As it may stand in any part of a URI (RFC 3986 §2.3): all but the unreserved characters is percent-encoded.
    fileprivate var percentEncoded: String {
        let digits = Array("0123456789ABCDEF")
        var encoded = ""
        for byte in self.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            default: encoded += "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
            }
        }
        return encoded
    }
}
