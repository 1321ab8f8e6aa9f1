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
    /// Values that stand in for those of dependency providers, whose hooks are then not called.
    let replacements: [ObjectIdentifier: any Sendable]
    /// Told of every call that ended.
    let observe: WorkerObserver?
}

/// Is told of every call that ended, when its hooks have run.
package typealias WorkerObserver = @Sendable (WorkerContext, Outcome) -> Void
