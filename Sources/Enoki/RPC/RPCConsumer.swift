import Logging

/// Serves all RPC methods of one container: consumes the service's queue and answers every request.
final class RPCConsumer: BoundEntrypoint {
    private let container: ServiceContainer
    private let methods = Locked<[ByteName: RPC]>([:])
    private let consumer = Locked<(any Consumer)?>(nil)
    private let responder: Responder
    /// The requests that were refused, by their method and the type of the error.
    private let refusals = Locked<[Refusal: Doublings]>([:])

    private struct Refusal: Hashable {
        /// Empty where there is no such method: of names that senders make up there is no end.
        let method: String
        let error: ObjectIdentifier
    }

    init(_ container: ServiceContainer) {
        self.container = container
        self.responder = Responder(container)
    }

    func register(_ method: RPC) { self.methods.withLock { $0[ByteName(method.name)] = method } }

    var summary: EntrypointSummary {
        EntrypointSummary(kind: "RPC", name: "", trigger: "", topology: self.topology)
    }

    private var process: ProcessResources { self.container.process }

    private var topology: Topology { RPCTopology.requests(to: self.container.name, self.process.settings) }

    private var queue: Queue { RPCTopology.serviceQueue(self.container.name) }

    func start() async throws {
        let methods = self.methods.withLock { $0.mapValues { ServedMethod($0, self.queue, self.container) } }
        try await self.container.declareOrUse(self.topology)
        // Requests come back from there only by its arguments.
        try await self.container.declare(methods.values.map(\.failures.topology).reduce(Topology()) { $0.merging($1) })
        let queue = self.queue.name
        let consumer = try await self.container.consume(
            queue,
            entrance: self.process.settings.rpcExchange,
            admit: { request in
                guard let served = methods[Self.method(of: request)] else { return .zero }
                let name = served.method.name
                if let excess = self.container.chainExcess(name, request.headers) {
                    self.refuse(request, name, excess)
                    return nil
                }
                return served.failures.admit(request)
            },
            limit: { methods[Self.method(of: $0)]?.limit }
        ) { request in
            await self.serve(request, methods)
        }
        self.consumer.withLock { $0 = consumer }
    }

    /// A method with what becomes of its requests.
    private struct ServedMethod: Sendable {
        let method: RPC
        let failures: FailureHandling
        let limit: ConcurrencyLimit?

        init(_ method: RPC, _ queue: Queue, _ container: ServiceContainer) {
            self.method = method
            self.failures = FailureHandling(
                entrypoint: method.name,
                policy: method.onFailure,
                queue: queue,
                container: container,
                expects: method.expects,
                // A process of nameko's that consumes the queue too takes the method from the routing key alone.
                entrance: .init(
                    exchange: container.process.settings.rpcExchange,
                    routingKey: RPCTopology.routingKey(service: container.name, method: method.name)
                )
            )
            self.limit = container.concurrencyLimit(method.limits)
        }
    }

    /// nameko takes the last word of the routing key.
    private static func method(of request: Incoming) -> ByteName {
        ByteName(String(request.delivery.routingKey.split(separator: ".", omittingEmptySubsequences: false).last ?? ""))
    }

    func stop() async { await self.consumer.withLock { $0 }?.cancel() }

    func close() async { await self.consumer.withLock { $0 }?.close() }

    /// The way of a request: judge, decode, work, answer.
    private func serve(_ request: Incoming, _ methods: [ByteName: ServedMethod]) async {
        let name = Self.method(of: request)
        if request.hasExpired {
            self.container.logger.info(
                "a request whose caller waits no longer was not served",
                metadata: [LoggingKeys.entrypoint: "\(name.string.prefix(100))"]
            )
            return self.container.settler.settle(request.delivery, .ack)
        }
        guard let served = methods[name] else {
            return self.refuse(request, name.string, MethodNotFound(name.string))
        }
        if let settlement = served.failures.settlement(returned: request) {
            return self.settle(request, returned: settlement, served)
        }
        let call: @Sendable () async throws -> any Sendable
        do {
            _ = try ReplyAddress(of: request.message)
            call = try served.method.method(for: request.message, self.process.codecs)
        } catch {
            return self.refuse(request, name.string, error)
        }
        await self.container.work(
            on: request,
            attempt: served.failures.attempt(request),
            entrypoint: name.string,
            limits: served.method.limits,
            method: call
        ) { outcome, context in
            self.finish(request, outcome, of: context, served)
        }
    }

    /// A call that fails is answered when no attempt is left; its dead letter follows the answer.
    private func finish(_ request: Incoming, _ outcome: Outcome, of context: WorkerContext, _ served: ServedMethod) {
        let settlement = served.failures.settlement(for: outcome, of: request, until: request.deadline)
        served.failures.log(outcome, settlement, of: context)
        self.settle(request, settlement, outcome) {
            served.failures.settle(request, settlement, outcome, of: context)
        }
    }

    /// A request that has come back too often is answered, too.
    private func settle(_ request: Incoming, returned settlement: Settlement, _ served: ServedMethod) {
        self.settle(request, settlement, .failed(served.failures.error(returned: request))) {
            served.failures.settle(request, returned: settlement)
        }
    }

    /// Settles a request, after its answer where it gets one.
    private func settle(
        _ request: Incoming,
        _ settlement: Settlement,
        _ outcome: Outcome,
        settle: @escaping @Sendable () -> Void
    ) {
        switch settlement {
        case .requeue, .retry, .comeBack, .putOff: settle()
        case .acknowledge, .deadLetter: self.responder.answer(request, outcome, settle: settle)
        }
    }

    private func refuse(_ request: Incoming, _ name: String, _ error: any Error) {
        self.logRefusal(of: name, error)
        self.process.overrides.observe?(.refused(service: self.container.name, entrypoint: name, error))
        let answer = error as? any RemoteException ?? MalformedRequest("\(error)")
        self.responder.answer(request, .failed(answer)) {
            self.container.settler.settle(request.delivery, .ack)
        }
    }

    /// Of many that a caller sends wrong, few have a line.
    private func logRefusal(of name: String, _ error: any Error) {
        let refusal = Refusal(
            method: error is MethodNotFound ? "" : name,
            error: ObjectIdentifier(type(of: error as any Error))
        )
        let now = self.process.timers.now
        let count = self.refusals.withLock { refusals in
            refusals[refusal, default: Doublings(within: .seconds(60))].note(at: now)
        }
        self.container.logger.log(
            level: count == nil ? .debug : .warning,
            "refused a request",
            metadata: [
                LoggingKeys.entrypoint: "\(name.prefix(100))",
                // Some descriptions are nameko's texts, of a method that is not there nothing but its name.
                LoggingKeys.error: "\(type(of: error)): \(FailureText.text(of: error))",
                "requests_within_a_minute": "\(count ?? 0)",
            ]
        )
    }
}
