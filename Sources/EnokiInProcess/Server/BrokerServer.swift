import EnokiBroker
import Logging

/// What all connections of an in-process broker share: the virtual host behind one lock, and the task that sends what the
/// broker says of itself.
///
/// Inputs run on their callers' threads, one at a time. Channels are called by the task of ``run()`` alone, outside the
/// lock, so that who is called may publish and settle as he likes: what follows from that waits in the outbox.
final class BrokerServer: Sendable {
    /// Who is called with what the broker sends on a channel.
    struct EventHandler: Sendable {
        let connection: ConnectionID
        /// Who takes the events where they come about, and is told of the places of answers (``ChannelEvent/answer``).
        var sink: (any EventSink)?
        /// Must not block.
        let call: @Sendable (ChannelEvent) -> Void

        init(connection: ConnectionID, call: @escaping @Sendable (ChannelEvent) -> Void) {
            self.connection = connection
            self.call = call
        }

        /// Who takes the events of `channel` by a sink.
        init(connection: ConnectionID, channel: ChannelID, sink: any EventSink) {
            self.connection = connection
            self.sink = sink
            self.call = { event in if sink.append(event, of: channel) { sink.wake() } }
        }
    }

    enum ClientPart {}
    typealias ClientID = Identifier<ClientPart>

    /// What a client wants to hear of, whatever its connection.
    struct Client: Sendable {
        let onClose: @Sendable () -> Void
        /// Called when ``BrokerServer/blockReason`` may have changed.
        let onBlock: @Sendable () -> Void
    }

    /// What is behind the lock.
    struct State {
        var isRunning = false
        var isClosed = false
        var virtualHost: VirtualHost
        var outbox: Outbox
        var handlers = EventHandlers()
        var confirmations: [ChannelID: PublishConfirmations] = [:]
        /// The one timer that a queue can have.
        var timers: [QueueID: TimerQueue.ID] = [:]
        /// Those who wait until the running call of a channel has returned.
        var waiters: [ChannelID: [CheckedContinuation<Void, Never>]] = [:]
        /// Called once, when a queue of that name is declared.
        var queueWatchers: [ByteName: [@Sendable () -> Void]] = [:]
        /// Connections that are about to be closed: they open no channel any more.
        var isClosing: Set<ConnectionID> = []
        var clients: [ClientID: Client] = [:]
        var lastNumber: UInt64 = 0
        /// Whether connections are refused, until ``start()``.
        var isDown = false
        /// Called once, when connections are taken again.
        var startWatchers: [@Sendable () -> Void] = []
        /// Told at the end which queues hold messages, and how many.
        var whenClosed: (@Sendable ([(queue: String, messages: Int)]) -> Void)?
        /// Why the broker takes no messages, where it takes none.
        var blockReason: String?
        /// Counts the blocks, so that the end of one does not end a later one.
        var blockCount: UInt64 = 0
        var faults: FaultSchedule
        /// Whether confirms wait for their turn among what is sent, instead of coming with the publish.
        var isShuffled: Bool
        /// Whether sinks get events where they come about; where a seed or faults have a say in it, the broker's task has it too.
        let usesSinks: Bool
        /// To be called when the lock is free again.
        var afterwards: [@Sendable () -> Void] = []

        init(virtualHost: VirtualHost, seed: UInt64?, faults: FaultPlan) {
            self.virtualHost = virtualHost
            self.outbox = Outbox(seed: seed)
            self.isShuffled = seed != nil
            self.usesSinks = seed == nil && faults == .none
            self.faults = FaultSchedule(faults)
        }
    }

    /// The beginning of 2020.
    private static let seededEpoch: UInt64 = 1_577_836_800

    let state: Locked<State>
    let timers: TimerQueue
    let calls = CallQueue()
    let wakeUp = Signal()
    let logger: Logger
    /// Gives messages that have none an identity.
    let messageIDs: MessageIDs

    init(virtualHost: String, clock: some Clock<Duration>, seed: UInt64?, faults: FaultPlan, logger: Logger) {
        // With a seed the same run has the same time stamps too.
        let epoch = seed == nil ? UInt64(max(0, SystemTime.secondsSince1970)) : Self.seededEpoch
        let host = VirtualHost(name: virtualHost, epoch: epoch)
        self.state = Locked(State(virtualHost: host, seed: seed, faults: faults))
        self.timers = TimerQueue(clock: clock)
        self.logger = logger
        // With a seed the same run has the same identities too.
        self.messageIDs = seed.map { MessageIDs(prefix: "seed-\($0)") } ?? MessageIDs()
    }

    deinit {
        self.state.withLock { $0.virtualHost.tearDown() }
    }

    /// Sends and fires timers until the task is cancelled, then closes all connections.
    func run() async throws(BrokerError) {
        let (isFirst, isClosed) = self.state.withLock { state in
            defer { state.isRunning = true }
            return (!state.isRunning, state.isClosed)
        }
        guard !isClosed else { throw .brokerClosed }
        guard isFirst else {
            throw BrokerError(.invalidArgument, "The in-process broker runs already: it has one owner, who runs it.")
        }
        await withTaskGroup { group in
            group.addTask { await self.timers.run() }
            await self.send()
            group.cancelAll()
        }
        self.close()
    }

    private func send() async {
        while !Task.isCancelled {
            var count = 0
            while !Task.isCancelled, self.sendNext() {
                count += 1
                // A busy broker shares its thread with those whom it calls.
                if count.isMultiple(of: 64) { await Task.yield() }
            }
            await self.wakeUp.wait()
        }
    }

    /// - Returns: Whether there was something to send.
    private func sendNext() -> Bool {
        guard let sending = self.state.withLock({ $0.takeNext() }) else { return false }
        switch sending.item {
        case .event(let event):
            if let fault = sending.faults.lossBefore {
                self.drop(sending.channel, because: fault.reason)
            } else if let completions = sending.completions {
                for completion in completions { self.calls.call(completion) }
            } else {
                self.apply(sending.faults, before: event, on: sending.channel)
                sending.handler?.call(event)
                self.apply(sending.faults, after: event, on: sending.channel)
            }
        case .barrier(let continuation): continuation.resume()
        }
        let (waiters, handler) = self.state.withLock { state in
            state.outbox.finish()
            // Nothing comes after the end of a channel.
            let handler = sending.item.isEnd ? state.handlers.remove(of: sending.channel) : nil
            return (state.waiters.removeValue(forKey: sending.channel) ?? [], handler)
        }
        withExtendedLifetime(handler) {}
        for waiter in waiters { waiter.resume() }
        return true
    }

    private func close() {
        // What was there is released outside the lock: the handlers are users' code.
        let (former, pending, unconfirmed, remains) = self.state.withLock { state in
            let former = state
            let remains = Self.remains(in: state.virtualHost)
            let pending = state.outbox.removeAll()
            let unconfirmed = state.confirmations.keys.sorted().flatMap {
                state.confirmations[$0]?.takeAll(because: .connectionClosed) ?? []
            }
            state.virtualHost.tearDown()
            state = State(virtualHost: former.virtualHost.emptied, seed: nil, faults: .none)
            state.isClosed = true
            // Asked for when all is over.
            state.faults = former.faults
            return (former, pending, unconfirmed, remains)
        }
        self.timers.cancelAll()
        for client in former.clients.sorted(by: { $0.key < $1.key }) { client.value.onClose() }
        for (_, waiters) in former.waiters.sorted(by: { $0.key < $1.key }) { for waiter in waiters { waiter.resume() } }
        for case .barrier(let continuation) in pending { continuation.resume() }
        for completion in unconfirmed { self.calls.call(completion) }
        self.logger.debug("In-process broker closed", metadata: ["connections": "\(former.clients.count)"])
        former.whenClosed?(remains)
    }

    /// The queues that hold messages, and how many, by name.
    private static func remains(in host: VirtualHost) -> [(queue: String, messages: Int)] {
        host.queues.map { _, queue in (queue.declaration.name, queue.ready.count + queue.unsettledCount) }
            .filter { $0.1 > 0 }
            .sorted { $0.0.utf8.lexicographicallyPrecedes($1.0.utf8) }
    }
}
