import Foundation

/// What `Scripts/with-rabbitmq` tells the tests about the broker that it has started.
public enum TestEnvironment {
    /// A variable was not set: the tests were started without `Scripts/with-rabbitmq`.
    public struct Missing: Error, CustomStringConvertible {
        public let name: String
        public var description: String { "\(self.name) is not set; run the tests by 'make test' or Scripts/with-rabbitmq" }
    }

    /// The broker's URI, with user and password.
    public static var amqpURI: String { get throws { try Self.value("ENOKI_TEST_AMQP_URI") } }

    /// The value of a variable.
    ///
    /// - Throws: ``Missing``. A test without its broker fails; one that is skipped would prove nothing.
    public static func value(_ name: String) throws -> String {
        guard let value = ProcessInfo.processInfo.environment[name], !value.isEmpty else { throw Missing(name: name) }
        return value
    }
}
