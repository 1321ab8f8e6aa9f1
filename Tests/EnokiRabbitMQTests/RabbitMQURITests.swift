import EnokiBroker
import EnokiRabbitMQ
import Testing

/// The first group is what nameko makes of the same URIs (kombu's parser and amqp's transport).
@Suite struct RabbitMQURITests {
    struct Case: Sendable, CustomTestStringConvertible {
        var uri: String
        var hosts: [String]
        var user = "guest"
        var password = "guest"
        var vhost = "/"
        var tls = false
        var testDescription: String { self.uri }
    }

    @Test(arguments: [
        Case(uri: "amqp://guest:guest@h", hosts: ["h:5672"]),
        Case(uri: "amqp://guest:guest@h/", hosts: ["h:5672"]),
        Case(uri: "amqp://guest:guest@h//", hosts: ["h:5672"]),
        Case(uri: "amqp://guest:guest@h/foo", hosts: ["h:5672"], vhost: "foo"),
        Case(uri: "amqp://guest:guest@h/%2F", hosts: ["h:5672"]),
        Case(uri: "amqp://guest:guest@h/%2Ffoo", hosts: ["h:5672"], vhost: "/foo"),
        Case(uri: "amqp://guest:guest@h//foo", hosts: ["h:5672"], vhost: "/foo"),
        Case(uri: "amqp://guest:guest@h/foo/bar", hosts: ["h:5672"], vhost: "foo/bar"),
        Case(uri: "amqp://u%40x:p%2Fw@h:5673/v%20x", hosts: ["h:5673"], user: "u@x", password: "p/w", vhost: "v x"),
        Case(uri: "pyamqp://guest:guest@localhost", hosts: ["localhost:5672"]),
        Case(uri: "amqps://guest:guest@h/foo", hosts: ["h:5671"], vhost: "foo", tls: true),
        Case(uri: "amqp://h/foo", hosts: ["h:5672"], vhost: "foo"),
        Case(uri: "amqp://u:p@[::1]:5672/v", hosts: ["[::1]:5672"], user: "u", password: "p", vhost: "v"),
        Case(uri: "amqp://a:b@h1//;amqp://a:b@h2//", hosts: ["h1:5672", "h2:5672"], user: "a", password: "b"),
        // Our own.
        Case(uri: "AMQP://h", hosts: ["h:5672"]),
        Case(uri: "amqp://a:5672;b:5673/vh", hosts: ["a:5672", "b:5673"], vhost: "vh"),
        Case(
            uri: "amqp://u:p@a,b:1,[fe80::1]/vh",
            hosts: ["a:5672", "b:1", "[fe80::1]:5672"],
            user: "u",
            password: "p",
            vhost: "vh"
        ),
        Case(uri: "amqps://[::1]", hosts: ["[::1]:5671"], tls: true),
        Case(uri: "amqp://u:@h", hosts: ["h:5672"], user: "u", password: ""),
        Case(uri: "amqp://u:a:b%3Ac@h", hosts: ["h:5672"], user: "u", password: "a:b:c"),
        Case(uri: "amqp://%C3%BC@h/%E2%82%AC", hosts: ["h:5672"], user: "ü", vhost: "€"),
    ])
    func readsTheParts(_ expected: Case) throws {
        let configuration = try RabbitMQConfiguration(uri: expected.uri)
        #expect(configuration.endpoints.map(\.description) == expected.hosts)
        #expect(configuration.user == expected.user)
        #expect(configuration.password.reveal() == expected.password)
        #expect(configuration.vhost == expected.vhost)
        #expect((configuration.tls != nil) == expected.tls)
    }

    @Test func readsTheParameters() throws {
        let configuration = try RabbitMQConfiguration(
            uri: "amqps://h/v?heartbeat=20&connection_timeout=1500&cacertfile=/a%20b/ca.pem&certfile=c&keyfile=k"
        )
        #expect(configuration.heartbeat == .seconds(20))
        #expect(configuration.connectionTimeout == .milliseconds(1500))
        #expect(configuration.tls?.authorities == "/a b/ca.pem")
        #expect(configuration.tls?.certificate == "c")
        #expect(configuration.tls?.key == "k")
        #expect(configuration.tls?.verification == .full)
        let insecure = try RabbitMQConfiguration(uri: "amqps://h?verify=verify_none")
        #expect(insecure.tls?.verification == .insecureNone)
    }

    @Test(arguments: [
        ("", "no scheme"), ("localhost", "no scheme"), ("http://h", "scheme"), ("amqp://", "host is missing"),
        ("amqp://a,,b", "host is missing"), ("amqp://u:hunter2@", "host is missing"),
        ("amqp://u:hunter2@h:0", "port"), ("amqp://u:hunter2@h:65536", "port"), ("amqp://u:hunter2@h:x", "port"),
        ("amqp://u:hunt/er2@h", "%2F"), ("amqp://u:hunter2@x@h", "'@'"), ("amqp://u:hunt@er2/x@h", "%2F"),
        ("amqp://u:55/hunter2@h", "%2F"), ("amqp://u:hunter2 @h", "space"),
        ("amqp://u:hunter2#@h", "'#'"), ("amqp://u:hunter2?@h", ""), ("amqp://u:hunter2%@h", "%"),
        ("amqp://u:hunter2%zz@h", "%"), ("amqp://u:hunter2%ff@h", "UTF-8"), ("amqp://u:hunter2%00@h", "NUL"),
        ("amqp://u:hunter2@::1", "brackets"), ("amqp://u:hunter2@[::1", "']'"), ("amqp://u:hunter2@[::1]x", "']'"),
        ("amqp://u:hunter2@[h]", "IPv6"), ("amqp://h?heartbeat=0", "heartbeat"), ("amqp://h?heartbeat=x", "heartbeat"),
        ("amqp://h?connection_timeout=0", "connection_timeout"), ("amqp://h?verify=verify_none", "amqps"),
        ("amqps://h?verify=no", "verify_peer"), ("amqps://h?certfile=c", "keyfile"), ("amqp://h?ssl=1", "parameter"),
        ("amqp://u:hunter2@a;amqp://u:hunter3@b", "differ"),
    ])
    func saysWhatIsWrongButNotThePassword(_ uri: String, _ hint: String) {
        let error = #expect(throws: BrokerError.self) { try RabbitMQConfiguration(uri: uri) }
        #expect(error?.code == .invalidAddress)
        #expect(error?.message.contains(hint) == true, "\(error?.message ?? "")")
        for secret in ["hunt", "er2"] { #expect(error?.message.contains(secret) == false) }
        // A runner prints it without what looks like a password: nothing of the hint does.
        #expect(error.map { Redaction.withoutCredentials($0.message) } == error?.message)
    }

    @Test(
        .bug("https://github.com/nameko/nameko/pull/582", "nameko: the password is in the log")
    )
    func theConfigurationNeverShowsThePassword() throws {
        let configuration = try RabbitMQConfiguration(uri: "amqp://u:hunter2@h")
        var dumped = ""
        dump(configuration, to: &dumped)
        for text in ["\(configuration)", String(reflecting: configuration), dumped, "\(configuration.password)"] {
            #expect(!text.contains("hunter2"))
        }
        #expect("\(configuration.password)" == "********")
    }
}
