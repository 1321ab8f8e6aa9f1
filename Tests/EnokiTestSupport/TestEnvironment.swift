import Foundation

/// What `Scripts/with-rabbitmq` tells the tests about the broker that it started.
public enum TestEnvironment {
    /// A setting that is missing.
    public struct Missing: Error, CustomStringConvertible {
        /// The environment variable.
        public let variable: String
        /// What to do.
        public var description: String { "\(self.variable) is not set: run the tests with `make test`" }
    }

    /// The broker's URI: user `guest`, virtual host `/`.
    public static var amqpURI: String { get throws { try Self.value("ENOKI_TEST_AMQP_URI") } }
    /// The same over TLS; the certificate is for `localhost` and `127.0.0.1`.
    public static var amqpsURI: String { get throws { try Self.value("ENOKI_TEST_AMQPS_URI") } }
    /// The HTTP API's URI, with user and password, without a slash at its end.
    public static var managementURI: String { get throws { try Self.value("ENOKI_TEST_MANAGEMENT_URI") } }
    /// The path of a `rabbitmqctl` for this broker.
    public static var rabbitmqctl: String { get throws { try Self.value("ENOKI_TEST_RABBITMQCTL") } }
    /// The folder of certificates and keys; the script's first lines list them.
    public static var tlsDirectory: String { get throws { try Self.value("ENOKI_TEST_TLS_DIR") } }
    /// The path of a Python that has nameko 2.
    public static var python: String { get throws { try Self.value("ENOKI_TEST_PYTHON") } }
    /// The path of a Python that has nameko 3.
    public static var pythonNameko3: String { get throws { try Self.value("ENOKI_TEST_PYTHON_NAMEKO_3") } }
    /// The path of the Python of `Samples/Polyglot`, with nameko and pytest.
    public static var pythonPolyglot: String { get throws { try Self.value("ENOKI_TEST_PYTHON_POLYGLOT") } }
    /// The path of a Python that has kombu, pika and aio-pika.
    public static var pythonClients: String { get throws { try Self.value("ENOKI_TEST_PYTHON_CLIENTS") } }

    /// The value of a variable.
    ///
    /// - Throws: ``Missing``. A test without its broker fails; one that is skipped would prove nothing.
    public static func value(_ variable: String) throws -> String {
        let environment = RabbitMQNode.current?.environment ?? ProcessInfo.processInfo.environment
        guard let value = environment[variable], !value.isEmpty else {
            throw Missing(variable: variable)
        }
        return value
    }
}
