import Enoki
import EnokiTesting
import Foundation
import Testing

/// A service author who imports Foundation, which has a `Timer` of its own.
@Suite struct FoundationTests {
    private struct Clockwork: Microservice {
        static let name = "clockwork"
        let ticked = Shelf<Date>()

        var entrypoints: [any Entrypoint] {
            Timer("tick", every: .seconds(1), tick)
            Timer("tock", every: .seconds(1), eager: true) { ticked.put(Date()) }
        }

        func tick() async throws { self.ticked.put(Date()) }
    }

    @Test func timersCanBeRegisteredBesideFoundation() async throws {
        try await withServices(Clockwork()) { cluster in
            let ticked = cluster.expect(Clockwork.self, "tick")
            await cluster.clock.advance(by: .seconds(1))
            try await ticked.value()
        }
    }
}
