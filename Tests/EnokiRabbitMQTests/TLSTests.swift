import EnokiBroker
import EnokiRabbitMQ
import EnokiTestSupport
import Foundation
import Testing

@Suite(.timeLimit(.minutes(5))) struct TLSTests {
    /// The tests' RabbitMQ by TLS, known by its authority.
    private func configuration() throws -> RabbitMQConfiguration {
        var configuration = try RabbitMQConfiguration(uri: TestEnvironment.value("ENOKI_TEST_AMQPS_URI"))
        configuration.tls?.authorities = try Self.file("ca.pem")
        configuration.failFast = true
        return configuration
    }

    private static func file(_ name: String) throws -> String {
        try TestEnvironment.value("ENOKI_TEST_TLS_DIR") + "/" + name
    }

    private func passes(
        _ configuration: RabbitMQConfiguration,
        recorder: LogRecorder = LogRecorder(),
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        try await TransportServer.rabbitMQ.withTransport({ $0 = configuration }, logger: recorder.logger) { broker in
            let queue = Queue(.unique("tls"), exclusive: true)
            try await broker.declare(Topology(queues: [queue]))
            let mailbox = Mailbox<Delivery>()
            _ = try await broker.consume(queue.name) { mailbox.put($0) }
            let body = [UInt8](repeating: 7, count: 1_000_000)
            try await withThrowingTaskGroup { group in
                for _ in 0..<5 {
                    group.addTask { try await broker.publish(Message(body: body), to: "", routingKey: queue.name) }
                }
                try await group.waitForAll()
            }
            for _ in 0..<5 {
                let delivery = try await mailbox.next()
                #expect(delivery.message.body == body, sourceLocation: sourceLocation)
                delivery.token.settle(.ack)
            }
        }
    }

    private func fails(
        _ configuration: RabbitMQConfiguration,
        because reason: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async {
        let broker = RabbitMQBroker(configuration: configuration, logger: .silent)
        let error = await #expect(throws: BrokerError.self, sourceLocation: sourceLocation) { try await broker.run() }
        #expect(error?.code == .tlsFailed, sourceLocation: sourceLocation)
        #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")", sourceLocation: sourceLocation)
    }

    @Test func aServerOfAKnownAuthorityIsTrusted() async throws {
        try await self.passes(self.configuration())
    }

    @Test func theURINamesTheFiles() async throws {
        let uri =
            try TestEnvironment.value("ENOKI_TEST_AMQPS_URI") + "?cacertfile=\(Self.file("ca.pem"))"
            + "&certfile=\(Self.file("client.pem"))&keyfile=\(Self.file("client.key"))&verify=verify_peer"
        try await self.passes(RabbitMQConfiguration(uri: uri))
    }

    @Test func anAddressInTheCertificateCounts() async throws {
        var configuration = try self.configuration()
        configuration.endpoints[0].host = "127.0.0.1"
        try await self.passes(configuration)
    }

    @Test func anotherHostIsRefused() async throws {
        var configuration = try self.configuration()
        // The same machine, by an address and a name that are not in the certificate.
        configuration.endpoints[0].host = "127.0.0.2"
        try await TLSServer.with("server") { port in
            configuration.endpoints[0].port = port
            await self.fails(configuration, because: "127.0.0.2")
        }
    }

    @Test(arguments: [
        ("wrong-host", "hostname mismatch"), ("expired", "expired"), ("untrusted", "unable to get local issuer"),
    ])
    func aServerWithABadCertificateIsRefused(_ name: String, _ reason: String) async throws {
        try await TLSServer.with(name) { port in
            var configuration = try self.configuration()
            configuration.endpoints = [.init(host: "localhost", port: port)]
            await self.fails(configuration, because: reason)
        }
    }

    @Test func theSystemsAuthoritiesDoNotKnowOurs() async throws {
        var configuration = try self.configuration()
        configuration.tls?.authorities = nil
        await self.fails(configuration, because: "the certificate of 'localhost' is not accepted")
    }

    /// By default OpenSSL itself refuses what is older, whatever is asked of it; so in a process in which it would not.
    @Test func anOldVersionIsRefused() async throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "openssl-\(UUID().uuidString).cnf")
        try Data(Self.anyVersion.utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let environment = ["OPENSSL_CONF": file.path()]

        try await TLSServer.with("server", arguments: ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"]) { port in
            let client = ["openssl", "s_client", "-connect", "localhost:\(port)"]
            try await ChildProcess.with("/usr/bin/env", client, environment: environment) { child in
                try child.write("Q\n")
                let exit = try await child.ended()
                #expect(exit == .status(0), "OpenSSL by itself speaks it: \(child.errors)")
            }
            let uri = "amqps://guest:guest@localhost:\(port)?cacertfile=\(try Self.file("ca.pem"))"
            let program = BuiltExecutable.path("enoki")
            let arguments = ["dead-letters", "list", "--queue", "none", "--broker", uri]
            try await ChildProcess.with(program, arguments, environment: environment) { child in
                let exit = try await child.ended()
                #expect(exit == .status(3))
                let errors = child.errors
                #expect(errors.contains("TLS handshake failed") && errors.contains("protocol version"), "\(errors)")
            }
        }
    }

    /// A configuration of OpenSSL's.
    private static let anyVersion = """
        openssl_conf = begin
        [begin]
        ssl_conf = ssl
        [ssl]
        system_default = all
        [all]
        MinProtocol = TLSv1
        CipherString = ALL:@SECLEVEL=0

        """

    @Test func aPortWithoutTLSIsNamed() async throws {
        var configuration = try self.configuration()
        configuration.endpoints = try RabbitMQConfiguration(uri: TestEnvironment.amqpURI).endpoints
        await self.fails(configuration, because: "TLS handshake failed")
    }

    @Test func filesThatCannotBeUsedAreNamed() async throws {
        var configuration = try self.configuration()
        configuration.tls?.authorities = "/no/such/ca.pem"
        await self.fails(configuration, because: "/no/such/ca.pem")

        configuration = try self.configuration()
        configuration.tls?.certificate = try Self.file("client.pem")
        configuration.tls?.key = "/no/such/key"
        await self.fails(configuration, because: "/no/such/key")
        configuration.tls?.key = try Self.file("server.key")
        await self.fails(configuration, because: "server.key")
    }

    @Test func withoutVerificationItWarnsLoudly() async throws {
        var configuration = try self.configuration()
        configuration.tls?.authorities = nil
        configuration.tls?.verification = .insecureNone
        let recorder = LogRecorder()
        try await self.passes(configuration, recorder: recorder)
        #expect(recorder.recorded.contains { $0.hasPrefix("warning: INSECURE") })
    }
}

/// OpenSSL's own server, which does the handshake and no more.
private enum TLSServer {
    /// Runs `body` with the port that it listens on, which it chooses itself.
    static func with(
        _ certificate: String,
        arguments: [String] = [],
        _ body: (_ port: Int) async throws -> Void
    ) async throws {
        let directory = try TestEnvironment.value("ENOKI_TEST_TLS_DIR")
        let server =
            ["openssl", "s_server", "-accept", "0"]
            + ["-cert", "\(directory)/\(certificate).pem", "-key", "\(directory)/\(certificate).key"] + arguments
        // Not a request: a signal may be blocked in what the tests started.
        try await ChildProcess.with("/usr/bin/env", server, stopSignal: SIGKILL) { child in
            try await EnokiTestSupport.eventually("OpenSSL listens", within: .seconds(60)) {
                Self.port(in: child.output) != nil || child.hasEnded
            }
            let port = Self.port(in: child.output)
            try await body(try #require(port, "\(child.errors)"))
        }
    }

    /// What stands behind the last colon of its line `ACCEPT 0.0.0.0:4711`.
    private static func port(in output: String) -> Int? {
        // A line that is not whole may lack digits.
        guard let end = output.lastIndex(of: "\n"),
            let line = output[..<end].split(separator: "\n").first(where: { $0.hasPrefix("ACCEPT ") })
        else { return nil }
        return line.split(separator: ":").last.flatMap { Int($0) }
    }
}
