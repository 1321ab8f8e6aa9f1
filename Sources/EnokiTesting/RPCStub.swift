public import Enoki

/// What answers the calls of an RPC method in a test, in place of the service that has it.
///
/// ```swift
/// let stubs: [RPCStub] = [
///     .reply(to: Charge.self, with: Receipt(number: 1)),               // by contract
///     .reply(to: Charge.self) { charge in Receipt(number: charge.order) },
///     .reply(to: "stock", "level", with: 3),                           // by name
///     .reply(to: "stock", "level") { arguments in
///         if arguments["sku"] == "teapot" { return 3 }
///         throw OutOfStock()
///     },
/// ]
/// ```
///
/// Arguments, replies and errors are encoded and decoded as in messages: what a stub throws reaches the caller as it would
/// from a service. Of several stubs for one method the last answers.
public struct RPCStub: Sendable {
    /// The name of the service.
    public let service: String
    /// The name of the method.
    public let method: String

    let answer: @Sendable (Message, Codecs) async throws -> any Encodable & Sendable

    /// Answers every request of this contract with `reply`.
    public static func reply<Request: RPCRequest>(to request: Request.Type, with reply: Request.Reply) -> RPCStub {
        .reply(to: request) { _ in reply }
    }

    /// Answers the requests of this contract with what `reply` returns or throws.
    public static func reply<Request: RPCRequest>(
        to request: Request.Type,
        _ reply: @escaping @Sendable (Request) async throws -> Request.Reply
    ) -> RPCStub {
        RPCStub(service: Request.service, method: Request.method) { message, codecs in
            try await reply(try RecordedCall.request(in: message, codecs))
        }
    }

    /// Answers every call of `method` of `service` with `reply`.
    public static func reply(
        to service: String,
        _ method: String,
        with reply: some Encodable & Sendable
    ) -> RPCStub {
        RPCStub(service: service, method: method) { _, _ in reply }
    }

    /// Answers the calls of `method` of `service` with what `reply` returns or throws.
    public static func reply<Reply: Encodable & Sendable>(
        to service: String,
        _ method: String,
        _ reply: @escaping @Sendable (CallArguments) async throws -> Reply
    ) -> RPCStub {
        RPCStub(service: service, method: method) { message, codecs in
            try await reply(CallArguments(message, codecs))
        }
    }
}

/// A service under test called a method that the test has no stub for.
public struct UnstubbedCall: Error, Sendable, Hashable, CustomStringConvertible {
    /// The service that was called.
    public let service: String
    /// The method that was called.
    public let method: String

    /// What was called, and what to do.
    public var description: String {
        "\(self.service).\(self.method) was called, and the test has no stub for it: add "
            + "`.reply(to: \"\(self.service)\", \"\(self.method)\", with: …)` to `stubbing`, or one by contract"
    }
}
