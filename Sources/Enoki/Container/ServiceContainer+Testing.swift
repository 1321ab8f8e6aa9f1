/// What tests do with a service, without a message.
extension ServiceContainer {
    /// The entrypoints of the service, those included that the overrides keep from starting; none when it has stopped.
    package var declaredEntrypoints: [any Entrypoint] { self.extensions.withLock { $0.declared } }

    /// Calls a method as its entrypoint would: in a worker, in a context, with the providers' hooks.
    ///
    /// - Parameters:
    ///   - entrypoint: What is called.
    ///   - arguments: The arguments; they are encoded and decoded as those in a message are.
    ///   - data: The context data of the call.
    ///   - completion: Is told how the call ended.
    /// - Throws: An error for arguments that do not fit; the call is not made then.
    package func call(
        _ entrypoint: some DirectlyCallable,
        _ arguments: RequestEnvelope,
        data: Headers,
        completion: @escaping @Sendable (Outcome) -> Void
    ) throws {
        let headers = CallContext(data: data).headers
        let message = try entrypoint.message(arguments, headers: headers, self.process.codecs)
        let method = try entrypoint.method(for: message, self.process.codecs)
        let context = self.context(entrypoint.name, headers: headers, message: message)
        self.submit(context, expects: entrypoint.expects, method, completion: completion)
    }

    /// Runs `body` as if a call of `entrypoint` ran it, with `values` for those of the providers; without hooks.
    ///
    /// Providers that only bind to their process, such as dispatchers and proxies, are set up; no other is.
    package func asWorker<Value>(
        of entrypoint: String,
        data: Headers,
        values: [ObjectIdentifier: any Sendable],
        _ body: (WorkerContext) async throws -> Value
    ) async throws -> Value {
        for provider in self.dependencies where provider is any WorkerIndependent { try await provider.setup(self) }
        let context = self.context(entrypoint, headers: CallContext(data: data).headers)
        return try await WorkerContext.$current.withValue(context) {
            try await WorkerDependencies.$current.withValue(values) {
                try await withLogger(context.logger) { _ in try await body(context) }
            }
        }
    }
}
