import EnokiBroker

import struct NIOCore.ByteBuffer

/// What a client logs in with.
struct Credentials: Equatable {
    /// How a client can say who it is, in the order in which RabbitMQ names them.
    enum Mechanism: String, CaseIterable {
        case amqplain = "AMQPLAIN"
        case plain = "PLAIN"
    }

    let user: String
    let password: String

    /// Reads the response of `connection.start-ok`; `nil` where it does not have the form of its mechanism.
    init?(mechanism: Mechanism, response: [UInt8]) {
        switch mechanism {
        case .plain: self.init(plain: response)
        case .amqplain: self.init(amqplain: response)
        }
    }

    /// NUL, user, NUL, password (RFC 4616, without an authorization identity).
    private init?(plain response: [UInt8]) {
        let parts = response.split(separator: 0, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].isEmpty else { return nil }
        self.user = String(decoding: parts[1], as: UTF8.self)
        self.password = String(decoding: parts[2], as: UTF8.self)
    }

    /// A table without its length, with LOGIN and PASSWORD.
    private init?(amqplain response: [UInt8]) {
        var reader = FieldReader(ByteBuffer(bytes: response))
        guard
            let table = try? reader.tableContent(depth: 0), let user = table["LOGIN"], let password = table["PASSWORD"],
            // RabbitMQ asks for one of them.
            user.stringValue != nil || password.stringValue != nil
        else { return nil }
        guard let user = Self.text(user), let password = Self.text(password) else { return nil }
        self.user = user
        self.password = password
    }

    private static func text(_ value: FieldValue) -> String? {
        if case .bytes(let bytes) = value { String(decoding: bytes, as: UTF8.self) } else { value.stringValue }
    }
}

extension Credentials: CustomStringConvertible, CustomReflectable {
    /// The user alone.
    var description: String { self.user }

    /// The user alone, so that no dump shows the password.
    var customMirror: Mirror { Mirror(self, children: ["user": self.user]) }
}
