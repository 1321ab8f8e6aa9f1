public import EnokiRabbitMQ

extension RabbitMQConfiguration {
    /// What `uri` says, for a machine on which a broker may stand still for longer than one that serves: a minute for each call.
    ///
    /// - Throws: `BrokerError` for an address that is none.
    public static func patient(uri: String) throws -> RabbitMQConfiguration {
        var configuration = try RabbitMQConfiguration(uri: uri)
        configuration.callTimeout = .seconds(60)
        return configuration
    }
}
