public import Configuration

/// Gives a service the configuration of its process: what the runner read from file and environment.
///
/// ```swift
/// let config = Config()
///
/// let currency = try config.reader.string(forKey: "payments.currency", default: "EUR")
/// ```
public final class Config: DependencyProvider {
    private let bound = Locked<ConfigReader?>(nil)

    /// A provider.
    public init() {}

    /// Binds the provider to the process's configuration.
    public func setup(_ container: ServiceContainer) async throws {
        self.bound.withLock { $0 = container.process.config }
    }

    /// The process's configuration, read by key.
    ///
    /// - Throws: ``ConfigurationError`` before the container has set the provider up.
    public var reader: ConfigReader {
        get throws {
            guard let reader = self.bound.withLock({ $0 }) else {
                throw ConfigurationError(
                    "this Config belongs to no running container: make it a stored property of a service, or list it in "
                        + "the service's `dependencies`"
                )
            }
            return reader
        }
    }
}
