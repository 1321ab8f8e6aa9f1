import EnokiBroker
import EnokiInProcess
import Testing

@testable import EnokiAMQP

/// The login as a value: methods in, methods out. The client's own codec is in ``ClientSession``.
struct HandshakeTests {
    // MARK: - Phases

    @Test func aLoginGoesThroughItsPhases() throws {
        var handshake = Handshake(configuration: AMQPConfiguration(), isLoopback: true)
        #expect(handshake.phase == .starting)
        let tune = try handshake.receive(.startOk(password: "guest"))
        #expect(tune == .answer(.connectionTune(ConnectionTune(channelMax: 2047, frameMax: 131_072, heartbeat: 60))))
        #expect(handshake.phase == .tuning)
        #expect(handshake.user == .guest)
        let agreed = ConnectionTune(channelMax: 1, frameMax: 4096, heartbeat: 0)
        #expect(try handshake.receive(.connectionTuneOk(agreed)) == .tuned)
        #expect(handshake.tuning == agreed)
        #expect(handshake.phase == .opening)
        #expect(try handshake.receive(.connectionOpen(virtualHost: "shop")) == .open(virtualHost: "shop"))
    }

    @Test func whatIsOfferedIsConfigured() throws {
        var configuration = AMQPConfiguration()
        configuration.channelMax = 7
        configuration.frameMax = 8192
        configuration.heartbeat = .seconds(3)
        var handshake = Handshake(configuration: configuration, isLoopback: true)
        let tune = try handshake.receive(.startOk(password: "guest"))
        #expect(tune == .answer(.connectionTune(ConnectionTune(channelMax: 7, frameMax: 8192, heartbeat: 3))))
    }

    @Test func whatIsNotWaitedForIsRefusedInEveryPhase() throws {
        let methods: [ClientMethod] = [
            .startOk(password: "guest"), .connectionTuneOk(ConnectionTune(channelMax: 1, frameMax: 4096, heartbeat: 0)),
            .connectionOpen(virtualHost: "/"), .connectionClose(Close(code: 200, text: "", classID: 0, methodID: 0)),
            .channelOpen, .txSelect,
        ]
        for waitedFor in 0..<3 {
            for (index, method) in methods.enumerated() where index != waitedFor {
                var handshake = Handshake(configuration: AMQPConfiguration(), isLoopback: true)
                for earlier in methods.prefix(waitedFor) { _ = try handshake.receive(earlier) }
                let failure = try #require(throws: ConnectionFailure.self) { try handshake.receive(method) }
                #expect(failure.exception.code == .channelError)
                #expect(failure.method == method.id)
                let state = ["starting", "tuning", "opening"][waitedFor]
                #expect(failure.exception.text.hasSuffix("unexpected method in connection state \(state)"))
                // With RabbitMQ who is not nearly in is told nothing.
                #expect(failure.notice == (waitedFor == 2 ? .close : .silence))
            }
        }
    }

    // MARK: - Tuning

    @Test(
        arguments: [
            (0, 131_072), (2048, 131_072), (.max, 131_072), (2047, 0), (2047, 4095), (2047, 131_073), (1, .max),
        ] as [(UInt16, UInt32)]
    )
    func whatWasNotOfferedIsRefusedInSilence(channelMax: UInt16, frameMax: UInt32) throws {
        var handshake = Handshake(configuration: AMQPConfiguration(), isLoopback: true)
        _ = try handshake.receive(.startOk(password: "guest"))
        let tuning = ConnectionTune(channelMax: channelMax, frameMax: frameMax, heartbeat: 0)
        let failure = try #require(throws: ConnectionFailure.self) {
            try handshake.receive(.connectionTuneOk(tuning))
        }
        #expect(failure.exception.code == .notAllowed)
        #expect(failure.notice == .silence)
        #expect(handshake.tuning.frameMax == 4096)
    }

    // MARK: - Who may

    @Test(arguments: ["", "Guest", "guest ", "guesT", "gu\u{301}est"])
    func aWrongPasswordIsRefused(password: String) throws {
        let failure = try Self.refusal(of: .startOk(password: password, capable: true))
        #expect(failure.exception.code == .accessRefused)
        #expect(failure.notice == .close)
        #expect(
            failure.exception.text == "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. "
                + "For details see the broker logfile."
        )
    }

    @Test func passwordsAreComparedByTheirBytes() throws {
        // Both are é, and Swift calls them equal.
        let user = AMQPUser(name: "ren\u{e9}", password: "\u{e9}")
        var configuration = AMQPConfiguration()
        configuration.users = [user]
        var handshake = Handshake(configuration: configuration, isLoopback: false)
        _ = try handshake.receive(.startOk(user: "ren\u{e9}", password: "\u{e9}"))
        #expect(handshake.user == user)
        let other = ClientMethod.startOk(user: "ren\u{e9}", password: "e\u{301}")
        #expect(try Self.refusal(of: other, configuration).exception.code == .accessRefused)
    }

    @Test func whoCannotHearOfARefusalIsToldNothing() throws {
        #expect(try Self.refusal(of: .startOk(password: "wrong", capable: false)).notice == .silence)
    }

    @Test(arguments: ["", "plain", "EXTERNAL", "ANONYMOUS", "RABBIT-CR-DEMO", "PLAIN "])
    func anotherMechanismIsRefusedInSilence(mechanism: String) throws {
        let failure = try Self.refusal(of: .startOk(password: "guest", mechanism: mechanism, capable: true))
        #expect(failure.notice == .silence)
    }

    @Test func aMalformedResponseIsRefusedInSilence() throws {
        let startOk = ConnectionStartOk(
            clientProperties: ["capabilities": ["authentication_failure_close": true]],
            mechanism: "PLAIN",
            response: Secret(Array("guest".utf8)),
            locale: "en_US"
        )
        #expect(try Self.refusal(of: .connectionStartOk(startOk)).notice == .silence)
    }

    @Test func amqplainLogsInToo() throws {
        let startOk = ConnectionStartOk(
            clientProperties: [:],
            mechanism: "AMQPLAIN",
            response: Secret(CredentialsTests.content(of: ["LOGIN": "guest", "PASSWORD": "guest"])),
            locale: ""
        )
        var handshake = Handshake(configuration: AMQPConfiguration(), isLoopback: true)
        _ = try handshake.receive(.connectionStartOk(startOk))
        #expect(handshake.user == .guest)
    }

    @Test func guestComesFromThisMachineAlone() throws {
        let failure = try Self.refusal(of: .startOk(password: "guest", capable: true), isLoopback: false)
        #expect(failure.exception.code == .accessRefused)
        // The client is told no more than who guesses a password.
        #expect(!failure.exception.text.contains("machine"))
        #expect("\(failure)".contains("may log in only from the broker's own machine"))
        var configuration = AMQPConfiguration()
        configuration.users = [AMQPUser(name: "guest", password: "guest")]
        var handshake = Handshake(configuration: configuration, isLoopback: false)
        _ = try handshake.receive(.startOk(password: "guest"))
        #expect(handshake.user?.name == "guest")
    }

    // MARK: - What the client says of itself

    @Test func capabilitiesAreThoseThatAreTrue() throws {
        var handshake = Handshake(configuration: AMQPConfiguration(), isLoopback: true)
        #expect(!handshake.clientCan("a"))
        let capabilities: Headers = ["a": true, "b": false, "c": 1, "d": "true"]
        _ = try handshake.receive(.startOk(password: "guest", properties: ["capabilities": .table(capabilities)]))
        #expect(["a", "b", "c", "d", "e"].filter(handshake.clientCan) == ["a"])
    }

    @Test(arguments: [.string("a"), .array([true]), .void] as [FieldValue])
    func capabilitiesThatAreNoTableAreNone(capabilities: FieldValue) throws {
        var handshake = Handshake(configuration: AMQPConfiguration(), isLoopback: true)
        _ = try handshake.receive(.startOk(password: "guest", properties: ["capabilities": capabilities]))
        #expect(!handshake.clientCan("a"))
    }

    // MARK: - Secrets

    @Test func noTextShowsASecret() throws {
        var configuration = AMQPConfiguration()
        configuration.users = [AMQPUser(name: "ann", password: "hunter2")]
        var handshake = Handshake(configuration: configuration, isLoopback: true)
        let startOk = ClientMethod.startOk(user: "ann", password: "hunter2")
        let failure = try Self.refusal(of: .startOk(user: "ann", password: "hunter3", capable: true), configuration)
        _ = try handshake.receive(startOk)
        var texts = ["\(failure)", String(reflecting: failure), "\(handshake)", String(reflecting: handshake)]
        texts += ["\(startOk)", String(reflecting: startOk), "\(configuration)", "\(configuration.users)"]
        for value in [handshake, failure, startOk, configuration] as [Any] {
            var dumped = ""
            dump(value, to: &dumped)
            texts.append(dumped)
        }
        let secrets = ["hunter2", "hunter3", "104, 117, 110"]
        for text in texts { for secret in secrets { #expect(!text.contains(secret)) } }
    }

    private static func refusal(
        of method: ClientMethod,
        _ configuration: AMQPConfiguration = AMQPConfiguration(),
        isLoopback: Bool = true
    ) throws -> ConnectionFailure {
        var handshake = Handshake(configuration: configuration, isLoopback: isLoopback)
        let failure = try #require(throws: ConnectionFailure.self) { try handshake.receive(method) }
        #expect(handshake.phase == .starting)
        #expect(handshake.user == nil)
        return failure
    }
}

extension ClientMethod {
    fileprivate static func startOk(
        user: String = "guest",
        password: String,
        mechanism: String = "PLAIN",
        capable: Bool = false
    ) -> ClientMethod {
        let properties: Headers = capable ? ["capabilities": ["authentication_failure_close": true]] : [:]
        return .startOk(user: user, password: password, mechanism: mechanism, properties: properties)
    }

    fileprivate static func startOk(
        user: String = "guest",
        password: String,
        mechanism: String = "PLAIN",
        properties: Headers
    ) -> ClientMethod {
        .connectionStartOk(
            ConnectionStartOk(
                clientProperties: properties,
                mechanism: mechanism,
                response: Secret(Array("\0\(user)\0\(password)".utf8)),
                locale: "en_US"
            )
        )
    }
}
