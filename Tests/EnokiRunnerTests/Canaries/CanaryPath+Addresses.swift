import EnokiAMQP
import EnokiRabbitMQ
import EnokiTestSupport

extension CanaryPath {
    /// Addresses with the secret as their password, most of them wrong elsewhere.
    static let addresses: [CanaryPath] = [
        ("a good address", "amqp://svc:{}@host/"), ("a port that is no number", "amqp://svc:{}@host:x/"),
        ("a port that is too large", "amqp://svc:{}@host:99999/"), ("no host", "amqp://svc:{}@/"),
        ("another scheme", "redis://svc:{}@host/"), ("no scheme", "svc:{}@host"),
        ("an IPv6 address without an end", "amqp://svc:{}@[::1/"), ("half an escape", "amqp://svc:{}%Z@host/"),
        ("an escape in the host", "amqp://svc:{}@ho%ff/"), ("an @ in the virtual host", "amqp://svc:{}@host/a@b"),
        ("a parameter that is none", "amqp://svc:{}@host/?x=1"),
        ("a wrong heartbeat", "amqp://svc:{}@host/?heartbeat=-1"),
        ("a wrong timeout", "amqp://svc:{}@host/?connection_timeout={}"),
        ("a wrong verify", "amqps://svc:{}@h/?verify={}"),
        ("a virtual host that is no text", "amqp://svc:{}@host/%ff"), ("a second login", "amqp://svc:{}@h1,svc:{}@h2/"),
        ("a certificate without its key", "amqps://svc:{}@host/?certfile=a"), ("a space", " amqp://svc:{}@host/"),
        ("addresses that differ", "amqp://svc:{}@a/;amqp://svc:x@b/"), ("one slash", "amqp:/svc:{}@host/"),
        ("a NUL byte", "amqp://svc:{}@host/%00"), ("a fragment", "amqp://svc:{}@host/#x"),
    ].map { name, shape in
        .each(name, to: .error) { canary in
            canary.addresses(shape).flatMap { address -> [String] in
                do {
                    let configuration = try RabbitMQConfiguration(uri: address)
                    let broker = RabbitMQBroker(configuration: configuration, logger: TestBroker.silent)
                    return texts(of: configuration) + texts(of: configuration.password) + ["\(broker.address)"]
                } catch {
                    return texts(of: error)
                }
            }
        }
    }

    /// What keeps a secret.
    static let values: [CanaryPath] = [
        .each("credentials", to: .value) {
            texts(of: Credentials(user: "svc", password: Secret($0.text))) + texts(of: Secret($0.text))
        },
        .each("a user of the port", to: .value) { texts(of: AMQPUser(name: "svc", password: $0.text)) },
        .each("the configuration of the port", to: .value) { canary in
            var configuration = AMQPConfiguration()
            configuration.users = [AMQPUser(name: "svc", password: canary.text)]
            return texts(of: configuration)
        },
    ]
}
