import Configuration
import Enoki
import EnokiAMQP
import EnokiInProcess
import Logging

/// The port at which a broker inside the process takes clients.
struct PortConfiguration: Sendable {
    /// Where it listens.
    let address: AMQPAddress
    /// The names of its virtual hosts, at least one.
    let virtualHosts: [String]
    /// What it asks of clients.
    let amqp: AMQPConfiguration

    /// Reads what a port is told.
    ///
    /// ## Configuration keys
    /// - `AMQP_SERVER_ADDRESS` (string, `[host:]port`, default `127.0.0.1:5672`): where to listen; port 0 is one that is free.
    /// - `AMQP_SERVER_USERS` (list of `name:password`, default `guest:guest`): who may log in; `guest` only from this machine.
    /// - `AMQP_SERVER_VIRTUAL_HOSTS` (list, default `/`)
    /// - `AMQP_SERVER_HEARTBEAT` (whole number of seconds, 0 is none, default 60): for clients that do not ask for another.
    ///
    /// - Throws: `ConfigurationError` for a value that cannot be used, or a port for other machines at which only `guest`
    ///   could log in. It contains no value: one may be a password at the wrong key.
    init(_ reader: ConfigReader) async throws {
        self.address = try Self.address(try await reader.fetchString(forKey: ProcessSetting.portAddress.key))
        self.virtualHosts = try Self.virtualHosts(
            try await reader.fetchStringArray(forKey: ProcessSetting.portVirtualHosts.key)
        )
        var amqp = AMQPConfiguration()
        if let users = try await reader.fetchStringArray(forKey: ProcessSetting.portUsers.key, isSecret: true) {
            amqp.users = try Self.users(users)
        }
        if let heartbeat = try await reader.fetchString(forKey: ProcessSetting.portHeartbeat.key) {
            amqp.heartbeat = try Self.heartbeat(heartbeat)
        }
        self.amqp = amqp
        guard self.address.isLoopback || !amqp.users.allSatisfy(\.isLoopbackOnly) else {
            throw ConfigurationError(
                "nobody could log in from another machine at \(self.address): guest, the only user, may log in from this "
                    + "machine alone. Give a user of your own in AMQP_SERVER_USERS, or listen on 127.0.0.1"
            )
        }
    }

    /// The server of these brokers.
    func server(for brokers: [InProcessBroker], logger: Logger) throws(AMQPServerError) -> AMQPServer {
        if !self.address.isLoopback {
            logger.warning(
                "other machines can reach the port, and nothing on the way is encrypted: for development alone",
                metadata: ["address": "\(self.address)"]
            )
        }
        return try AMQPServer(brokers: brokers, on: self.address, configuration: self.amqp, logger: logger)
    }

    private static func address(_ text: String?) throws -> AMQPAddress {
        guard let text else { return .loopback(port: 5672) }
        guard let address = AMQPAddress(text: text) else {
            throw ConfigurationError(
                "\(ProcessSetting.portAddress.rawValue) is not an address to listen on: write it as 127.0.0.1:5672, 5672 or [::1]:5672"
            )
        }
        return address
    }

    private static func users(_ entries: [String]) throws -> [AMQPUser] {
        guard !entries.isEmpty else {
            throw ConfigurationError("AMQP_SERVER_USERS is empty: write name:password, or leave it out for guest")
        }
        var users: [AMQPUser] = []
        for entry in entries {
            let parts = entry.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2, !parts[0].isEmpty else {
                throw ConfigurationError(
                    "user \(users.count + 1) in AMQP_SERVER_USERS is not name:password; where a password has a comma, "
                        + "write the users as a list in the configuration file"
                )
            }
            guard !users.contains(where: { $0.name.hasSameBytes(as: parts[0]) }) else {
                throw ConfigurationError("AMQP_SERVER_USERS has a user twice: leave one of them out")
            }
            // As with RabbitMQ, whose loopback_users has guest in it: everybody knows the name.
            users.append(AMQPUser(name: parts[0], password: parts[1], isLoopbackOnly: parts[0] == "guest"))
        }
        return users
    }

    private static func virtualHosts(_ names: [String]?) throws -> [String] {
        guard let names else { return ["/"] }
        guard !names.isEmpty, !names.contains("") else {
            throw ConfigurationError("AMQP_SERVER_VIRTUAL_HOSTS has no name in it: write one, or leave it out for /")
        }
        for (index, name) in names.enumerated() where names[..<index].contains(where: name.hasSameBytes) {
            throw ConfigurationError("AMQP_SERVER_VIRTUAL_HOSTS has '\(name)' twice: leave one of them out")
        }
        return names
    }

    private static func heartbeat(_ text: String) throws -> Duration {
        guard let seconds = UInt16(text) else {
            throw ConfigurationError("AMQP_SERVER_HEARTBEAT is not a whole number of seconds from 0 to 65535")
        }
        return .seconds(Int(seconds))
    }
}
