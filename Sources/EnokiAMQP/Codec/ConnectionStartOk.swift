import EnokiBroker

/// How a client introduces itself and logs in: `connection.start-ok`.
struct ConnectionStartOk: Equatable {
    /// Its product, version, and `capabilities`.
    var clientProperties: Headers
    /// The SASL mechanism, such as `PLAIN`.
    var mechanism: String
    /// The mechanism's first words, a secret.
    var response: [UInt8]
    /// The language that it wants texts in, such as `en_US`.
    var locale: String
}

extension ConnectionStartOk: CustomStringConvertible, CustomReflectable {
    /// Without the secret.
    var description: String { "start-ok by \(self.mechanism) of \(self.clientProperties)" }

    /// Without the secret.
    var customMirror: Mirror { Mirror(self, children: []) }
}
