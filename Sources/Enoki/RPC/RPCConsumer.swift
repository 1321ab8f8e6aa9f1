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

    func start() async throws {
        try await self.process.broker.declare(self.topology)
        let methods = self.methods.withLock { $0 }
        let consumer = try await self.container.consume(self.topology.queues[0].name) { delivery, deadline in
            await self.serve(delivery, deadline, methods)
        }
        self.consumer.withLock { $0 = consumer }
    }

    func stop() async { await self.consumer.withLock { $0 }?.cancel() }

    /// The acknowledgement of a request follows the confirm of its reply, which every publish gets or times out.
    func close() async {
        await self.unconfirmed.waitUntilNone()
        await self.consumer.withLock { $0 }?.close()
    }

    /// The way of a request: decode, work, answer.
    private func serve(_ delivery: Delivery, _ deadline: Deadline?, _ methods: [ByteName: RPC]) async {
        let request = delivery.message
        // nameko takes the last word of the routing key.
        let name = String(delivery.routingKey.split(separator: ".", omittingEmptySubsequences: false).last ?? "")
        let outcome: Outcome
        do {
            guard let method = methods[ByteName(name)] else { throw MethodNotFound(name) }
            let call = try method.method(for: request, self.process.codecs)
            outcome = await self.container.work(
                on: delivery,
                until: deadline,
                entrypoint: name,
                expects: method.expects,
                method: call
            )
        } catch {
            self.container.logger.warning(
                "refused a request",
                metadata: [
                    LoggingKeys.entrypoint: "\(name.prefix(100))",
                    // Some descriptions are nameko's texts, of a method that is not there nothing but its name.
                    LoggingKeys.error: "\(type(of: error)): \(error)",
                ]
            )
            self.process.overrides.observe?(.refused(service: self.container.name, entrypoint: name, error))
            outcome = .failed(error as? any RemoteException ?? MalformedRequest("\(error)"))
        }
        self.answer(delivery, outcome)
    }

    /// Answers a request. It is done when its reply is confirmed, an error is an answer too, or when the broker refuses the
    /// reply; the worker does not wait for that.
    private func answer(_ delivery: Delivery, _ outcome: Outcome) {
        if case .cancelled = outcome { return self.container.settler.settle(delivery, .requeue) }
        let request = delivery.message
        guard let replyTo = request.properties.replyTo, !replyTo.isEmpty else {
            self.container.logger.debug("a request without reply_to was served and not answered")
            return self.container.settler.settle(delivery, .ack)
        }
        self.unconfirmed.begin()
        let settle: @Sendable (Acknowledgement) -> Void = { acknowledgement in
            self.container.settler.settle(delivery, acknowledgement)
            self.unconfirmed.end()
        }
        self.publish(self.message(outcome, to: request), to: replyTo) { result in
            switch result {
            case .success:
                settle(.ack)
            case .failure(let error) where error.code == .invalidArgument:
                // Too large, or a correlation id that cannot be sent: the caller can still be told so.
                let failure = Outcome.failed(UnserializableValue("the reply cannot be sent: \(error.message)"))
                self.publish(self.message(failure, to: request), to: replyTo) { result in
                    if case .failure(let error) = result { self.log(error) }
                    settle(.ack)
                }
            case .failure(let error):
                self.log(error)
                settle(Self.isBrokerAway(error) ? .requeue : .ack)
            }
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
            case .failed(let error):
                return try Self.reply(FailureEnvelope(error: RemoteErrorBody(error)), to: request, codec)
            case .cancelled:
                return try Self.reply(FailureEnvelope(error: RemoteErrorBody(CancellationError())), to: request, codec)
            }
        } catch {
            let failure = UnserializableValue("Unserializable value: \(error)")
            self.container.logger.error(
                "a reply could not be encoded; its caller gets an UnserializableValueError",
                metadata: [LoggingKeys.error: "\(error)"]
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
