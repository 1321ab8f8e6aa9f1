import EnokiAMQP
import EnokiInProcess
import EnokiRabbitMQ
import EnokiTestSupport
import Foundation

extension CanaryPath {
    /// Logins with the secret as password.
    static let logins: [CanaryPath] = [
        .each("a port that nobody listens at", to: .error, count: 50) { canary in
            try await Self.connect("amqp://svc:\(canary.percentEncoded)@127.0.0.1:1/")
        },
        .each("a host that does not exist", to: .error, count: 5) { canary in
            try await Self.connect("amqp://svc:\(canary.percentEncoded)@no..such.host/")
        },
        .each("a wrong password", to: .error, count: 25) { canary in
            let log = LogRecorder()
            let said = try await InProcessBroker(logger: log.logger).listen(logger: log.logger) { port in
                try await Self.connect("amqp://guest:\(canary.percentEncoded)@\(port.address)/")
            }
            return said + log.entries.map { "\($0)" }
        },
        .each("a virtual host that does not exist", to: .error, count: 25) { canary in
            let log = LogRecorder()
            var configuration = AMQPConfiguration()
            configuration.users = [AMQPUser(name: "svc", password: canary.text)]
            let broker = InProcessBroker(logger: log.logger)
            let said = try await broker.listen(configuration: configuration, logger: log.logger) { port in
                try await Self.connect("amqp://svc:\(canary.percentEncoded)@\(port.address)/none")
            }
            return said + log.entries.map { "\($0)" } + ["\(broker.snapshot())"]
        },
        .each("what RabbitMQ knows of its clients", to: .broker, count: 3) { canary in
            try await RabbitMQVirtualHost.withFresh { host in
                // JSON to the management API.
                try await host.withUser(password: canary.inJSON) { user in
                    let uri = host.uri.replacing("guest:guest@", with: "\(user.name):\(canary.percentEncoded)@")
                    let log = LogRecorder()
                    var configuration = try RabbitMQConfiguration(uri: uri)
                    configuration.connectionName = "canary"
                    let broker = RabbitMQBroker(configuration: configuration, logger: log.logger)
                    return try await withThrowingTaskGroup(of: Void.self) { group in
                        group.addTask { try await broker.run() }
                        try await eventually("RabbitMQ lists it") {
                            try await host.connections()
                        } until: {
                            !$0.isEmpty
                        }
                        let listed = try await ManagementAPI.send("GET", ["vhosts", host.name, "connections"])
                        group.cancelAll()
                        return [listed, "\(broker.address)", "\(broker.status)"] + log.entries.map { "\($0)" }
                    }
                }
            }
        },
    ]

    /// What is said of a connection that does not come about.
    private static func connect(_ uri: String) async throws -> [String] {
        let log = LogRecorder()
        var configuration = try RabbitMQConfiguration(uri: uri)
        configuration.failFast = true
        let broker = RabbitMQBroker(configuration: configuration, logger: log.logger)
        do {
            try await broker.run()
            return ["it has connected"]
        } catch {
            return texts(of: error) + log.entries.map { "\($0)" } + ["\(broker.status)", "\(broker.address)"]
        }
    }
}
