import Enoki
import EnokiTestSupport
import EnokiTesting
import Logging
import Testing

/// What a call leaves in the log.
@Suite struct LoggingTests {
    private struct Ordinary: Error {}
    private struct Contract: RPCRequest {
        static let service = "talker"
        static let method = "by_contract"
        static let errors: [any RemoteException.Type] = [DivisionByZero.self]
        typealias Reply = NoReply
    }

    private struct Talker: Microservice {
        static let name = "talker"
        let callIDs = Shelf<String>()
        var entrypoints: [any Entrypoint] {
            RPC("talk") {
                WorkerContext.current?.logger.info("talked")
                callIDs.put(WorkerContext.current?.callID ?? "")
            }
            RPC("unexpected") { () throws -> Int in throw Ordinary() }
            RPC("expected", expecting: [Ordinary.self]) { () throws -> Int in throw Ordinary() }
            RPC("not_a_number") { Double.nan }
            RPC { (_: Contract) throws -> Void in throw DivisionByZero(dividend: 1) }
        }
    }

    @Test func aWorkersLoggerNamesServiceAndCall() async throws {
        let log = LogRecorder()
        let talker = Talker()
        try await withServices(talker, logger: log.logger) { try await $0.rpc("talker").talk() }
        let entry = try await log.entry(containing: "talked")
        #expect(entry.metadata["service"] == "talker")
        #expect(entry.metadata["call_id"] == talker.callIDs.elements.first)
    }

    @Test(arguments: [("unexpected", Logger.Level.error), ("expected", .warning), ("by_contract", .warning)])
    func anErrorThatIsExpectedIsNoErrorInTheLog(_ method: String, _ level: Logger.Level) async throws {
        let log = LogRecorder()
        try await withServices(Talker(), logger: log.logger) { cluster in
            await #expect(throws: RemoteError.self) { try await cluster.rpc("talker")[method]() }
        }
        #expect(try await log.entry(containing: "\(method) failed").level == level)
    }

    @Test func aResultThatCannotBeEncodedIsAnErrorInTheLog() async throws {
        let log = LogRecorder()
        try await withServices(Talker(), logger: log.logger) { cluster in
            await #expect(throws: RemoteError.self) { let _: Double = try await cluster.rpc("talker").not_a_number() }
        }
        #expect(try await log.entry(containing: "reply could not be encoded").level == .error)
    }

    @Test func aRefusedRequestSaysWhy() async throws {
        let log = LogRecorder()
        try await withServices(Talker(), logger: log.logger) { cluster in
            await #expect(throws: MethodNotFound("shout")) { try await cluster.rpc("talker").shout() }
        }
        let entry = try await log.entry(containing: "refused a request")
        #expect(entry.metadata["error"] == "MethodNotFound: shout")
    }

    /// Whatever the names that a caller makes up.
    @Test func ofManyRefusedRequestsFewAreWarnings() async throws {
        let log = LogRecorder()
        try await withServices(Talker(), logger: log.logger) { cluster in
            for number in 1...20 {
                let properties = BasicProperties(contentType: "application/json", replyTo: "nobody")
                let request = Message(#"{"args": [], "kwargs": {}}"#, properties: properties)
                try await cluster.broker.publish(request, to: "nameko-rpc", routingKey: "talker.shout\(number)")
            }
            try await eventually("all are refused", equals: 20) {
                log.entries.count { $0.message == "refused a request" }
            }
        }
        let refusals = log.entries.filter { $0.message == "refused a request" }
        let warnings = refusals.filter { $0.level == .warning }
        #expect(warnings.map { $0.metadata["requests_within_a_minute"] } == ["1", "2", "4", "8", "16"])
        #expect(refusals.count { $0.level == .debug } == 15)
    }
}
