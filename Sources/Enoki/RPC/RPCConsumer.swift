import Logging

/// Serves all RPC methods of one container: consumes the service's queue and answers every request.
final class RPCConsumer: BoundEntrypoint {
    private let container: ServiceContainer
    private let methods = Locked<[ByteName: RPC]>([:])
    private let consumer = Locked<(any Consumer)?>(nil)
    /// The replies that are on their way to the broker.
    private let unconfirmed = InFlight()

    init(_ container: ServiceContainer) { self.container = container }

    func register(_ method: RPC) { self.methods.withLock { $0[ByteName(method.name)] = method } }

    var summary: EntrypointSummary {
        EntrypointSummary(kind: "RPC", name: "", trigger: "", topology: self.topology)
    }

    private var process: ProcessResources { self.container.process }

    private var topology: Topology { RPCTopology.requests(to: self.container.name, self.process.settings) }

    private var queue: Queue { RPCTopology.serviceQueue(self.container.name) }

    func start() async throws {
        let methods = self.methods.withLock { $0.mapValues { ServedMethod($0, self.queue, self.container) } }
        let needed = methods.values.map(\.failures.topology).reduce(self.topology) { $0.merging($1) }
        try await self.process.broker.declare(needed)
        let queue = self.queue.name
        let consumer = try await self.container.consume(
            queue,
            admit: { request, origin, deadline in
                guard let served = methods[Self.method(of: request)] else { return .zero }
                return served.failures.admit(request, from: origin, entrypoint: served.method.name, deadline: deadline)
            },
            limit: { methods[Self.method(of: $0)]?.limit }
        ) { request, origin, deadline in
            await self.serve(request, origin, deadline, methods)
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
                policy: method.onFailure,
                queue: queue,
                container: container,
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
    private static func method(of request: Delivery) -> ByteName {
        ByteName(String(request.routingKey.split(separator: ".", omittingEmptySubsequences: false).last ?? ""))
    }

    func stop() async { await self.consumer.withLock { $0 }?.cancel() }

    /// The acknowledgement of a request follows the confirm of its reply, which every publish gets or times out.
    func close() async {
        await self.unconfirmed.waitUntilNone()
        // A dead letter follows its reply.
        await self.container.settler.waitUntilSettled()
        await self.consumer.withLock { $0 }?.close()
    }

    /// The way of a request: judge, decode, work, answer.
    private func serve(
        _ request: Delivery,
        _ origin: Redeliveries.Origin,
        _ deadline: Deadline?,
        _ methods: [ByteName: ServedMethod]
    ) async {
        let name = Self.method(of: request)
        if let deadline, deadline.remaining <= .zero {
            self.container.logger.info(
                "a request whose caller waits no longer was not served",
                metadata: [LoggingKeys.entrypoint: "\(name.string.prefix(100))"]
            )
            return self.container.settler.settle(request, .ack)
        }
        guard let served = methods[name] else { return self.refuse(request, name.string, MethodNotFound(name.string)) }
        if let settlement = served.failures.settlement(returned: request, from: origin, deadline: deadline) {
            return self.settle(request, returned: settlement, deadline, served)
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
            until: deadline,
            attempt: served.failures.attempt(request),
            entrypoint: name.string,
            limits: served.method.limits,
            expects: served.method.expects,
            method: call
        ) { outcome in
            self.finish(request, outcome, deadline, served)
        }
    }

    /// A call that fails is answered when no attempt is left; its dead letter follows the answer.
    private func finish(_ request: Delivery, _ outcome: Outcome, _ deadline: Deadline?, _ served: ServedMethod) {
        let settlement = served.failures.settlement(for: outcome, of: request, deadline: deadline)
        self.settle(request, settlement, outcome) {
            let name = served.method.name
            served.failures.settle(request, settlement, outcome, entrypoint: name, deadline: deadline)
        }
    }

    /// A request that has come back too often is answered, too.
    private func settle(
        _ request: Delivery,
        returned settlement: Settlement,
        _ deadline: Deadline?,
        _ served: ServedMethod
    ) {
        let name = served.method.name
        let error = served.failures.error(returned: request, entrypoint: name)
        self.settle(request, settlement, .failed(error)) {
            served.failures.settle(request, returned: settlement, entrypoint: name, deadline: deadline)
        }
    }

    /// Settles a request, after its answer where it gets one.
    private func settle(
        _ request: Delivery,
        _ settlement: Settlement,
        _ outcome: Outcome,
        settle: @escaping @Sendable () -> Void
    ) {
        switch settlement {
        case .requeue, .retry, .comeBack: settle()
        case .acknowledge, .deadLetter: self.answer(request, outcome, settle: settle)
        }
    }

    private func refuse(_ request: Delivery, _ name: String, _ error: any Error) {
        self.container.logger.warning(
            "refused a request",
            metadata: [
                LoggingKeys.entrypoint: "\(name.prefix(100))",
                // Some descriptions are nameko's texts, of a method that is not there nothing but its name.
                LoggingKeys.error: "\(type(of: error)): \(FailureText.text(of: error))",
            ]
        )
        self.process.overrides.observe?(.refused(service: self.container.name, entrypoint: name, error))
        let answer = error as? any RemoteException ?? MalformedRequest("\(error)")
        self.answer(request, .failed(answer)) { self.container.settler.settle(request, .ack) }
    }

    /// Answers a request. It is done when its reply is confirmed, an error is an answer too, or when the broker refuses the
    /// reply: then `settle` is called. The worker does not wait for that.
    private func answer(_ delivery: Delivery, _ outcome: Outcome, settle: @escaping @Sendable () -> Void) {
        let request = delivery.message
        guard let replyTo = (try? ReplyAddress(of: request))?.routingKey else {
            self.container.logger.debug("a request without an address for its reply was not answered")
            return settle()
        }
        self.unconfirmed.begin()
        self.publish(self.message(outcome, to: request), to: replyTo) { result in
            switch result {
            case .success:
                settle()
            case .failure(let error) where error.code == .invalidArgument:
                // Too large, or a correlation id that cannot be sent: the caller can still be told so.
                let failure = Outcome.failed(UnserializableValue("the reply cannot be sent: \(error.message)"))
                self.publish(self.message(failure, to: request), to: replyTo) { result in
                    if case .failure(let error) = result { self.log(error) }
                    settle()
                    self.unconfirmed.end()
                }
                return
            case .failure(let error):
                self.log(error)
                if Self.isBrokerAway(error) { self.container.settler.settle(delivery, .requeue) } else { settle() }
            }
            self.unconfirmed.end()
        }
    }

    /// Whether the request should be delivered again, which runs its method again: only where nobody took the reply. A
    /// broker that refuses it would refuse the next one too, and the method would run for ever. One that may have taken it
    /// probably has: a second run would be worse than a caller that times out.
    private static func isBrokerAway(_ error: BrokerError) -> Bool {
        switch error.code {
        case .notSent, .connectionFailed, .connectionLost, .timedOut, .closed: true
        default: false
        }
    }

    private func log(_ error: BrokerError) {
        self.container.logger.error("a reply was not published", metadata: [LoggingKeys.error: "\(error)"])
    }

    private func publish(
        _ reply: Message,
        to replyTo: String,
        completion: @escaping @Sendable (Result<Void, BrokerError>) -> Void
    ) {
        self.process.broker.publish(
            reply,
            to: self.process.settings.rpcExchange,
            routingKey: replyTo,
            options: PublishOptions(),
            completion: completion
        )
    }

    private func message(_ outcome: Outcome, to request: Message) -> Message {
        // The reply is in the format of the request, if that is one of ours.
        let codec = (try? self.process.codecs.codec(for: request.properties)) ?? self.process.codecs.preferred
        do {
            switch outcome {
            case .succeeded(let result):
                guard let result = result as? any Encodable else {
                    throw UnserializableValue("Unserializable value: `\(type(of: result))`")
                }
                return try Self.reply(SuccessEnvelope(result: result), to: request, codec)
            case .failed, .timedOut, .cancelled:
                let error = outcome.error ?? CancellationError()
                return try Self.reply(FailureEnvelope(error: RemoteErrorBody(error)), to: request, codec)
            }
        } catch {
            let failure = UnserializableValue("Unserializable value: \(error)")
            self.container.logger.error(
                "a reply could not be encoded; its caller gets an UnserializableValueError",
                metadata: [LoggingKeys.error: "\(FailureText.text(of: error))"]
            )
            // Only strings are left to encode. Should even that fail, the caller gets an empty body instead of silence.
            return (try? Self.reply(FailureEnvelope(error: RemoteErrorBody(failure)), to: request, codec))
                ?? Message(body: [], properties: BasicProperties(correlationID: request.properties.correlationID))
        }
    }

    private static func reply(_ envelope: some Encodable, to request: Message, _ codec: any Codec) throws -> Message {
        try codec.message(envelope, headers: [:], correlationID: request.properties.correlationID)
    }
}
