import Enoki
import EnokiTestSupport
import EnokiTesting
import Foundation
import Testing

/// Swift calls nameko services, and nameko services call Swift.
@Suite(.serialized) struct CallsToNamekoTests {
    /// The contract of a Python method.
    private struct Add: RPCRequest {
        static let service = "peer"
        static let method = "add"
        typealias Reply = Int
        var a: Int
        var b: Int
    }

    private struct Values: Codable {
        var decimal: Decimal
        var moment: Date
        var zoned: Date
        var day: Date
        var id: UUID
        var huge: Decimal
    }

    private struct Echo: Codable, Equatable {
        var args: [JSONValue]
        var kwargs: [String: JSONValue]
    }

    @Test(arguments: Nameko.allCases) func methodsAreCalledByContractAndByName(_ nameko: Nameko) async throws {
        try await withNameko(nameko) { cluster, _ in
            let peer = cluster.rpc("peer")
            #expect(try await peer(Add(a: 2, b: 3)) == 5)
            let sum: Int = try await peer.add(2, b: 3)
            #expect(sum == 5)
            let defaulted: Int = try await peer.add(2)
            #expect(defaulted == 2)
            let text: String = try await peer.add("Zoë ", "🍄\0")
            #expect(text == "Zoë 🍄\0")
            let none: String? = nil
            let echo: Echo = try await peer.echo(1, "é", none, [1.5], a: true, b: ["c": none])
            #expect(echo == Echo(args: [1, "é", .null, [1.5]], kwargs: ["a": true, "b": ["c": .null]]))
            try await peer.emit("nothing.listens", none)

            // Many at once, on one reply queue.
            let sums = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<50 { group.addTask { try await peer.add(number, number) } }
                return try await group.reduce(into: Set()) { $0.insert($1) }
            }
            #expect(sums == Set((0..<50).map { 2 * $0 }))
        }
    }

    @Test(arguments: Nameko.allCases) func valuesArriveAsWhatTheyAre(_ nameko: Nameko) async throws {
        try await withNameko(nameko, Catalogue()) { cluster, peer in
            let values: Values = try await cluster.rpc("peer").values()
            #expect(values.decimal == Decimal(string: "12345678901234567.89"))
            #expect(values.moment.timeIntervalSince1970 == 1_577_934_245.25)
            #expect(values.zoned.timeIntervalSince1970 == 1_577_934_245)
            #expect(values.day.timeIntervalSince1970 == 1_577_923_200)
            #expect(values.id.uuidString == "3D2A6F2E-8D5C-4B8E-9D39-0F6F5A1C7E42")
            #expect(values.huge == Decimal(string: "1e30"))

            func describe(_ value: any Encodable & Sendable) async throws -> String {
                try await cluster.rpc("peer").describe(value)
            }
            #expect(
                try await describe(Date(timeIntervalSince1970: 1_577_934_245.000001))
                    == "datetime.datetime(2020, 1, 2, 3, 4, 5, 1, tzinfo=datetime.timezone.utc)"
            )
            #expect(try await describe(Data([0xFF, 0])) == "b'\\xff\\x00'")
            #expect(try await describe(UInt64.max) == "18446744073709551615")
            #expect(try await describe(0.1) == "0.1")
            #expect(try await describe(true) == "True")
            #expect(try await describe("\"\\/\u{2028}é🍄") == #"'"\\/\u2028é🍄'"#)

            // nameko's in-service proxy calls Swift.
            try await peer.client.expect([
                "services.peer.relay('catalogue', 'add', 2, b=3)": "5",
                "services.peer.relay('catalogue', 'price', Decimal('1.10'))": "'1.1'",
                "services.peer.relay('catalogue', 'opened')":
                    "datetime.datetime(2020, 1, 2, 3, 4, 5, 250000, tzinfo=datetime.timezone.utc)",
                "services.peer.relay('catalogue', 'nothing')": "None",
                "services.peer.relay('catalogue', 'has_deadline')": "False",
            ])
        }
    }

    /// What our requests carry besides nameko's headers: nameko serves them, and does not hand the deadline on to Swift.
    @Test(arguments: Nameko.allCases) func deadlinesDoNotDisturbNameko(_ nameko: Nameko) async throws {
        try await withNameko(nameko, Front(), Catalogue()) { cluster, _ in
            let requests = Collector<Message>()
            try await cluster.broker.declare(
                Topology(
                    queues: [Queue("wiretap")],
                    bindings: [Binding(from: "nameko-rpc", toQueue: "wiretap", routingKey: "#")]
                )
            )
            let tap = try await cluster.broker.consume("wiretap") { delivery in
                requests.append(delivery.message)
                delivery.token.settle(.ack)
            }
            // Another time than the default, and so long that the request does not expire before nameko takes it.
            let sum: Int = try await cluster.rpc("peer", timeout: .seconds(70)).add(1, 2)
            #expect(sum == 3)
            let request = try await requests.first(1)[0]
            #expect(request.properties.expiration == .seconds(70))
            #expect(request.properties.headers["enoki.timeout"] == .int64(70_000))

            let hasDeadline: Bool = try await cluster.rpc("peer").relay("catalogue", "has_deadline")
            #expect(!hasDeadline)
            let context: ObservedContext = try await cluster.rpc("peer").relay("swift", "context")
            #expect(context.data.isEmpty)
            await tap.close()
        }
    }
}
