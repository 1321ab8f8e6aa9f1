/// Publishes events of any service: what every ``EventDispatcher`` of a process stands on.
struct EventPublisher: Sendable {
    let broker: any Broker
    let codecs: Codecs
    let ids: IDSource
    /// The name in the call id of events that no worker dispatches.
    let caller: String

    /// Publishes an event of `source`, in the context of the running worker.
    func publish(_ type: String, _ data: some Encodable, from source: String, options: PublishOptions) async throws {
        guard !type.isEmpty else {
            throw ConfigurationError("an event of '\(source)' has an empty type: name what happened")
        }
        let context =
            WorkerContext.current?.outgoing
            ?? CallContext(callIDStack: [self.ids.callID(of: self.caller, "dispatch")])
        var headers = context.headers
        // Nobody waits for an event. A handler of nameko's would hand the number on and count no further.
        headers[CallContext.depthHeader] = nil
        let message = try self.codecs.preferred.message(data, headers: headers)
        try await self.broker.publish(
            message,
            to: EventTopology.exchangeName(of: source),
            routingKey: type,
            options: options
        )
    }
}
