import Configuration
import Logging

/// What the containers of one process share.
struct ProcessResources: Sendable {
    let broker: any Broker
    let timers: TimerQueue
    let settings: ServiceSettings
    let config: ConfigReader
    let codecs: Codecs
    let rpc: RPCClient
    let events: EventPublisher
    let logger: Logger
    /// Opened when all services of the host have started, or when it is sure that they will not.
    let startEnded = Latch()
    /// What is said to the broker at the end.
    let farewells = Farewells()
    /// For messages that may kill the process.
    let quarantine = Quarantine()
    /// What a test has changed.
    let overrides: ProcessOverrides
}
