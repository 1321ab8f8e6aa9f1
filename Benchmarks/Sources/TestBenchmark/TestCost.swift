import EnokiTesting

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

struct Placed: Event {
    static let source = "orders"
    static let type = "placed"
    var id: Int
}

struct Orders: Microservice {
    static let name = "orders"
    let events = EventDispatcher()

    var entrypoints: [any Entrypoint] { RPC("place", "id", method: self.place) }

    func place(id: Int) async throws -> Int {
        try await self.events.dispatch(Placed(id: id))
        return id
    }
}

struct Mail: Microservice {
    static let name = "mail"

    var entrypoints: [any Entrypoint] { EventHandler("on_placed", self.onPlaced) }

    func onPlaced(_ event: Placed) async throws {}
}

/// `tests`: what a test costs that starts two services, makes a call, waits for an event and stops: CPU in milliseconds, one
/// after the other and a thousand at once.
@main
struct TestCost {
    static func main() async throws {
        for _ in 0..<50 { try await self.test(0) }
        let count = 1000
        var before = self.now
        for number in 0..<count { try await self.test(number) }
        self.report("one after the other", since: before, count)
        before = self.now
        try await withThrowingTaskGroup { group in
            for number in 0..<count { group.addTask { try await self.test(number) } }
            try await group.waitForAll()
        }
        self.report("\(count) at once", since: before, count)
    }

    private static func test(_ number: Int) async throws {
        try await withServices(Orders(), Mail()) { cluster in
            let mailed = cluster.expect(Mail.self, "on_placed")
            let id: Int = try await cluster.rpc("orders").place(id: number)
            try await mailed.value()
            guard id == number, cluster.calls.count == 2 else { throw WrongAnswer() }
        }
    }

    private typealias Moment = (cpu: Duration, time: ContinuousClock.Instant)

    private static func report(_ what: String, since before: Moment, _ count: Int) {
        let cpu = (self.now.cpu - before.cpu) / .milliseconds(1) / Double(count)
        let time = (ContinuousClock.now - before.time) / .milliseconds(1) / Double(count)
        func rounded(_ value: Double) -> Double { (value * 100).rounded() / 100 }
        print("\(what): \(rounded(cpu)) ms CPU, \(rounded(time)) ms each")
    }

    private static var now: Moment {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        let used = Duration.seconds(Int(time.tv_sec)) + .nanoseconds(Int(time.tv_nsec))
        return (used, ContinuousClock.now)
    }

    /// A measurement of something that does not work is none.
    private struct WrongAnswer: Error {}
}
