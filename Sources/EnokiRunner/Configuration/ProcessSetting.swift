import Configuration

/// The settings of a process itself, by the names that they have everywhere; those of its services are `ServiceSettings.Key`.
enum ProcessSetting: String, CaseIterable {
    case amqpURI = "AMQP_URI"
    case managementURI = "RABBITMQ_MANAGEMENT_URI"
    case logLevel = "LOG_LEVEL"
    case portAddress = "AMQP_SERVER_ADDRESS"
    case portUsers = "AMQP_SERVER_USERS"
    case portVirtualHosts = "AMQP_SERVER_VIRTUAL_HOSTS"
    case portHeartbeat = "AMQP_SERVER_HEARTBEAT"

    /// What a reader knows it by.
    var key: ConfigKey { ConfigKey(self.rawValue) }
}
