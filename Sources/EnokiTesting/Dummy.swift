public import Enoki

/// An entrypoint that never fires: for tests that call it with ``Cluster/entrypoint(_:_:instance:contextData:)``.
///
/// ```swift
/// var entrypoints: [any Entrypoint] {
///     Dummy("add", "x", "y") { (x: Int, y: Int) in x + y }
/// }
/// ```
public struct Dummy: Entrypoint, DirectlyCallable {
    /// The name.
    public let name: String

    private let method: RPC

    /// A method with named parameters; see `RPC` for how arguments are given.
    public init<each Parameter: Decodable & Sendable, Result: Encodable & Sendable>(
        _ name: String,
        _ parameters: String...,
        method: @escaping @Sendable @concurrent (repeat each Parameter) async throws -> Result
    ) {
        self.name = name
        self.method = RPC(name, parameters: parameters, method: method)
    }

    /// A method with named parameters that returns nothing.
    public init<each Parameter: Decodable & Sendable>(
        _ name: String,
        _ parameters: String...,
        method: @escaping @Sendable @concurrent (repeat each Parameter) async throws -> Void
    ) {
        self.name = name
        self.method = RPC(name, parameters: parameters, method: method)
    }

    /// Needs nothing.
    public func bind(to container: ServiceContainer) throws -> any BoundEntrypoint { BoundDummy(name: self.name) }

    package func message(_ arguments: RequestEnvelope, headers: Headers, _ codecs: Codecs) throws -> Message {
        try self.method.message(arguments, headers: headers, codecs)
    }

    package func method(for message: Message, _ codecs: Codecs) throws -> @Sendable () async throws -> any Sendable {
        try self.method.method(for: message, codecs)
    }

    package func expects(_ error: any Error) -> Bool { false }

    private struct BoundDummy: BoundEntrypoint {
        let name: String

        var summary: EntrypointSummary { EntrypointSummary(kind: "Dummy", name: self.name, trigger: "never") }

        func start() async throws {}
        func stop() async {}
    }
}
