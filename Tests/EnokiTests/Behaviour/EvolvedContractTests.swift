import Enoki
import EnokiTestSupport
import EnokiTesting
import Testing

/// Two versions of a contract at once, as in a rolling deploy: what can be changed, and what the other version refuses.
@Suite struct EvolvedContractTests {
    /// What the processes of the older version know.
    private enum Old {
        enum Size: String, Codable, Sendable { case small, large }

        struct Shipped: Event, Equatable {
            static let source = "depot"
            static let type = "shipped"
            var sku: String
            var size: Size
            var note: String?
        }

        struct Quote: RPCRequest, Equatable {
            static let service = "depot"
            static let method = "quote"
            var sku: String
            var size: Size
            var note: String?

            struct Reply: Codable, Sendable, Equatable {
                var euros: Int
                var size: Size
            }
        }
    }

    /// A later version: without `note`, with `weight`, and with one more size.
    private enum New {
        enum Size: String, Codable, Sendable { case small, large, huge }

        struct Shipped: Event, Equatable {
            static let source = "depot"
            static let type = "shipped"
            var sku: String
            var size: Size
            var weight: Int?
        }

        struct Quote: RPCRequest, Equatable {
            static let service = "depot"
            static let method = "quote"
            var sku: String
            var size: Size
            var weight: Int?

            struct Reply: Codable, Sendable, Equatable {
                var euros: Int
                var size: Size
                var days: Int?
            }
        }
    }

    /// One that asks for more than the older version says.
    private enum Strict {
        struct Shipped: Event {
            static let source = "depot"
            static let type = "shipped"
            var sku: String
            var weight: Int
        }

        struct Quote: RPCRequest {
            static let service = "depot"
            static let method = "quote"
            /// So that it can be called by position; what is not among them is refused.
            static let parameters = ["sku", "size"]
            typealias Reply = Int
            var sku: String
            var size: Old.Size
        }
    }

    private struct Reader<Shipped: Event>: Microservice {
        static var name: String { "reader" }
        let seen = Shelf<Shipped>()

        var entrypoints: [any Entrypoint] {
            EventHandler("on_shipped") { (event: Shipped) in seen.put(event) }
        }
    }

    private struct Depot<Quote: RPCRequest>: Microservice {
        static var name: String { "depot" }
        let seen = Shelf<Quote>()
        let reply: Quote.Reply

        var entrypoints: [any Entrypoint] { RPC(quote) }

        func quote(_ request: Quote) async throws -> Quote.Reply {
            self.seen.put(request)
            return self.reply
        }
    }

    // MARK: - Events

    @Test func anOlderHandlerIgnoresANewFieldAndMissesNoOptionalOne() async throws {
        let reader = Reader<Old.Shipped>()
        try await withServices(reader) { cluster in
            try await cluster.dispatch(New.Shipped(sku: "cup", size: .small, weight: 3))
            try await cluster.waitUntilQuiet()
            #expect(reader.seen.elements == [Old.Shipped(sku: "cup", size: .small, note: nil)])
        }
    }

    @Test func aNewerHandlerReadsWhatAnOlderServiceSays() async throws {
        let reader = Reader<New.Shipped>()
        try await withServices(reader) { cluster in
            try await cluster.dispatch(Old.Shipped(sku: "cup", size: .large, note: "fragile"))
            try await cluster.waitUntilQuiet()
            #expect(reader.seen.elements == [New.Shipped(sku: "cup", size: .large, weight: nil)])
        }
    }

    @Test func anEventWithACaseThatAnOlderHandlerDoesNotKnowIsADeadLetterAndTheOthersAreHandled() async throws {
        let reader = Reader<Old.Shipped>()
        try await withServices(reader) { cluster in
            for size: New.Size in [.huge, .large] {
                try await cluster.dispatch(New.Shipped(sku: "cup", size: size, weight: nil))
            }
            try await self.expectDeadLetter(of: "size", cluster)
            #expect(reader.seen.elements.map(\.size) == [.large])
        }
    }

    @Test func anEventWithoutAFieldThatANewerHandlerNeedsIsADeadLetter() async throws {
        let reader = Reader<Strict.Shipped>()
        try await withServices(reader) { cluster in
            try await cluster.dispatch(Old.Shipped(sku: "cup", size: .large, note: nil))
            try await self.expectDeadLetter(of: "weight", cluster)
            #expect(reader.seen.elements.isEmpty)
        }
    }

    private func expectDeadLetter(of field: String, _ cluster: Cluster) async throws {
        try await cluster.waitUntilQuiet()
        let letter = try #require(try await cluster.takeMessage(from: "evt-depot-shipped--reader.on_shipped.dead"))
        let headers = letter.properties.headers
        #expect(headers["x-enoki-reason"] == "malformed")
        #expect(headers["x-enoki-attempts"]?.integerValue == 1)
        #expect(headers["x-enoki-error"]?.stringValue?.contains(field) == true, "\(headers)")
    }

    // MARK: - Requests

    @Test func anOlderMethodIgnoresANewFieldAndANewerCallerMissesNoOptionalOneInItsReply() async throws {
        let depot = Depot<Old.Quote>(reply: .init(euros: 5, size: .small))
        try await withServices(depot) { cluster in
            let reply = try await cluster.rpc("depot")(New.Quote(sku: "cup", size: .small, weight: 3))
            #expect(reply == New.Quote.Reply(euros: 5, size: .small, days: nil))
            #expect(depot.seen.elements == [Old.Quote(sku: "cup", size: .small, note: nil)])
        }
    }

    @Test func aNewerMethodReadsWhatAnOlderCallerSaysAndIsUnderstood() async throws {
        let depot = Depot<New.Quote>(reply: .init(euros: 5, size: .small, days: 2))
        try await withServices(depot) { cluster in
            let reply = try await cluster.rpc("depot")(Old.Quote(sku: "cup", size: .small, note: "fragile"))
            #expect(reply == Old.Quote.Reply(euros: 5, size: .small))
            #expect(depot.seen.elements == [New.Quote(sku: "cup", size: .small, weight: nil)])
        }
    }

    @Test func aCaseThatAnOlderMethodDoesNotKnowIsToldToItsCallerAndTheMethodIsNotRun() async throws {
        let depot = Depot<Old.Quote>(reply: .init(euros: 5, size: .small))
        try await withServices(depot) { cluster in
            let error = await #expect(throws: IncorrectSignature.self) {
                _ = try await cluster.rpc("depot")(New.Quote(sku: "cup", size: .huge, weight: nil))
            }
            #expect(error?.message.contains("size") == true, "\(error?.message ?? "")")
            #expect(depot.seen.elements.isEmpty)
        }
    }

    @Test func aReplyThatAnOlderCallerCannotReadFailsItsCallThoughTheMethodHasRun() async throws {
        let depot = Depot<New.Quote>(reply: .init(euros: 5, size: .huge, days: nil))
        try await withServices(depot) { cluster in
            await #expect(throws: DecodingError.self) {
                _ = try await cluster.rpc("depot")(Old.Quote(sku: "cup", size: .small, note: nil))
            }
            #expect(depot.seen.elements.count == 1)
        }
    }

    @Test func aContractThatListsItsParametersRefusesOthers() async throws {
        let depot = Depot<Strict.Quote>(reply: 5)
        try await withServices(depot) { cluster in
            let error = await #expect(throws: IncorrectSignature.self) {
                _ = try await cluster.rpc("depot")(New.Quote(sku: "cup", size: .small, weight: 3))
            }
            #expect(error?.message.contains("weight") == true, "\(error?.message ?? "")")
            let euros = try await cluster.rpc("depot")(Strict.Quote(sku: "cup", size: .small))
            #expect(euros == 5)
        }
    }
}
