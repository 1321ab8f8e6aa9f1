import EnokiBroker

/// A queue as the virtual host keeps it.
struct QueueRecord: Sendable {
    let declaration: Queue
    let arguments: QueueArguments
    /// The connection that an exclusive queue belongs to.
    let owner: ConnectionID?

    var ready = ReadyMessages()
    var consumers: Set<ConsumerID> = []
    var ring = ConsumerRing()
    var exclusiveConsumer: ConsumerID?
    /// The bindings that lead here, by the exchange that holds them.
    var bindings: [ExchangeID: Set<ExchangeRecord.Bound>] = [:]
    /// Since when it is unused, for `x-expires`.
    var unusedSince: Duration
    /// The earliest wake-up that was asked for and has not come.
    var nextWake: Duration?
    private var nextPosition: UInt64 = 0

    init(_ declaration: Queue, arguments: QueueArguments, owner: ConnectionID?, now: Duration) {
        self.declaration = declaration
        self.arguments = arguments
        self.owner = owner
        self.unusedSince = now
    }

    /// The place of a message that arrives now.
    mutating func takePosition() -> UInt64 {
        defer { self.nextPosition += 1 }
        return self.nextPosition
    }

    /// When the queue goes, unless it is used before.
    var expiry: Duration? {
        guard self.consumers.isEmpty, let expires = self.arguments.expires else { return nil }
        return self.unusedSince + expires
    }
}
