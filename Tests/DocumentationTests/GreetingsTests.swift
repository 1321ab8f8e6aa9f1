import EnokiTesting
import Testing

@testable import greetings

@Test func whoeverIsGreetedSignsTheGuestbook() async throws {
    try await withServices(Greeter(), Guestbook()) { cluster in
        let signed = cluster.expect(Guestbook.self, "sign")

        let greeting = try await cluster.rpc("greeter")(Greet(name: "Ada"))
        #expect(greeting == "Hello, Ada!")

        try await signed.value()
        let names: [String] = try await cluster.rpc("guestbook").names()
        #expect(names == ["Ada"])
    }
}

@Test func theVisitorComesEveryTwoSeconds() async throws {
    try await withServices(Greeter(), Visitor()) { cluster in
        let visits = cluster.expect(Visitor.self, "visit", count: 3)
        await cluster.clock.advance(by: .seconds(6))
        try await visits.values()
    }
}
