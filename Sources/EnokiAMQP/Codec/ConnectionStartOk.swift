import EnokiBroker

/// How a client introduces itself and logs in: `connection.start-ok`.
struct ConnectionStartOk: Equatable {
    /// Its product, version, and `capabilities`.
    var clientProperties: Headers
    /// The SASL mechanism, such as `PLAIN`.
    var mechanism: String
    /// The mechanism's first words.
    var response: Secret
    /// The language that it wants texts in, such as `en_US`.
    var locale: String
}
