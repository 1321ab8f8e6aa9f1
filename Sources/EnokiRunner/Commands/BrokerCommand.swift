package import ArgumentParser
import Enoki

/// `broker`: a broker for development, which clients in any language reach at a port.
package struct BrokerCommand<Owner: Program>: AsyncParsableCommand {
    package static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "broker",
            abstract: "Run a broker for development, for clients in any language.",
            discussion: """
                It speaks AMQP 0-9-1 and behaves like RabbitMQ, without its disk: what it holds is gone when it stops. \
                When it takes clients it says so on standard output: listens on amqp://127.0.0.1:5672

                guest logs in with the password guest, from this machine only. Other users are best given in the environment \
                (AMQP_SERVER_USERS=ada:secret,bob:secret) or in the configuration file, where other users of the machine do \
                not see their passwords. Nothing is encrypted.

                SIGTERM and Ctrl-C stop it. Exit codes: 0 stopped, 1 the port could not be opened, 64 wrong usage, \
                78 wrong configuration.
                """
        )
    }

    @Option(
        help: ArgumentHelp(
            "Where to listen; port 0 is one that is free (AMQP_SERVER_ADDRESS; default: 127.0.0.1:5672).",
            valueName: "[host:]port"
        )
    )
    var listen: String?

    @Option(
        help: ArgumentHelp(
            "Who may log in, in place of guest; may be given several times. Other users of the machine can see it: better"
                + " AMQP_SERVER_USERS.",
            valueName: "name:password"
        )
    )
    var user: [String] = []

    @Option(
        help: ArgumentHelp(
            "A virtual host, in place of /; may be given several times (AMQP_SERVER_VIRTUAL_HOSTS).",
            valueName: "name"
        )
    )
    var virtualHost: [String] = []

    @Option(
        help: ArgumentHelp(
            "The heartbeat for clients that ask for none of their own, 0 for none (AMQP_SERVER_HEARTBEAT; default: 60).",
            valueName: "seconds"
        )
    )
    var heartbeat: Int?

    @OptionGroup var configurationOptions: ConfigurationOptions

    @OptionGroup var logOptions: LogOptions

    package init() {}

    package func run() async throws {
        let sources = try self.configurationOptions.sources(options: [
            ProcessSetting.portAddress.rawValue: self.listen.map { .scalar($0) },
            ProcessSetting.portUsers.rawValue: self.user.isEmpty ? nil : .list(self.user),
            ProcessSetting.portVirtualHosts.rawValue: self.virtualHost.isEmpty ? nil : .list(self.virtualHost),
            ProcessSetting.portHeartbeat.rawValue: self.heartbeat.map { .scalar(String($0)) },
            ProcessSetting.logLevel.rawValue: self.logOptions.setting,
        ])
        let port = try await PortConfiguration(sources.reader)
        let logger = Owner.bootstrapLogging(try await sources.reader.logLevel())
        sources.warn(logger)
        try await BrokerProcess(port, logger: logger).runUntilSignal()
    }
}
