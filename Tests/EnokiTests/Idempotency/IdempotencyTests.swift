import Enoki
import EnokiTestSupport
import EnokiTesting
import Testing

/// What a guarded handler promises, on every broker.
@Suite(.timeLimit(.minutes(5))) struct IdempotencyTests {
    /// Waits until all that was published is settled.
    private func settled(_ cluster: Cluster, _ guarded: Guarded, _ last: String = "last") async throws {
        try await cluster.publish(last, id: "\(last)-id")
        try await eventually("the last one is handled") { guarded.calls.elements.contains(last) }
        try await cluster.waitForQueue(Guarded.queue) { $0.messageCount == 0 }
    }

    @Test(arguments: TestBroker.allCases) func aMessageThatComesAgainIsNotHandledAgain(_ broker: TestBroker)
        async throws
    {
        let guarded = Guarded()
        try await withServices(guarded, on: broker) { cluster in
            for _ in 0..<3 { try await cluster.publish("News", id: "m-1") }
            try await cluster.publish("Other news", id: "m-2")
            try await self.settled(cluster, guarded)
            #expect(guarded.calls.elements.sorted() == ["News", "Other news", "last"])
        }
    }

    @Test(arguments: TestBroker.allCases) func aMessageThatFailsIsTriedAgainAndThenRemembered(_ broker: TestBroker)
        async throws
    {
        let guarded = Guarded(.inMemory(for: .seconds(3600)), .retry(upTo: 3, .fixed(.milliseconds(100)))) { event in
            if event.title == "News", (WorkerContext.current?.attempt ?? 0) < 3 { throw Boom(reason: "not yet") }
        }
        try await withServices(guarded, on: broker) { cluster in
            try await cluster.publish("News", id: "m-1")
            try await eventually("three attempts were made", equals: [1, 2, 3]) { guarded.attempts.elements }
            try await cluster.publish("News", id: "m-1")
            try await self.settled(cluster, guarded)
            #expect(guarded.calls.elements == ["News", "News", "News", "last"])
        }
    }

    @Test(arguments: TestBroker.allCases) func aDeadLetterThatIsReplayedIsHandled(_ broker: TestBroker) async throws {
        let isMended = Locked(false)
        let guarded = Guarded(.inMemory(for: .seconds(3600)), .deadLetter) { _ in
            if !isMended.withLock({ $0 }) { throw Boom(reason: "broken") }
        }
        try await withServices(guarded, on: broker) { cluster in
            try await cluster.publish("News", id: "m-1")
            try await cluster.waitForQueue(Guarded.deadLetters) { $0.messageCount == 1 }
            let letter = try #require(try await cluster.takeMessage(from: Guarded.deadLetters))
            isMended.withLock { $0 = true }
            for _ in 0..<2 { try await cluster.broker.publish(letter, to: "", routingKey: Guarded.queue) }
            try await self.settled(cluster, guarded)
            #expect(guarded.calls.elements == ["News", "News", "last"])
        }
    }

    @Test(arguments: TestBroker.allCases)
    func whatIsInWorkElsewhereWaitsOnTheBrokerAndIsNoAttempt(_ broker: TestBroker) async throws {
        let gate = Latch()
        // Its claims do not end: the services renew them by a clock that stands still.
        let store = InMemoryIdempotencyStore(capacity: 1000) { .zero }
        let inWork = Shelf<Int>()
        func instance() -> Guarded {
            Guarded(Idempotency(store: store, for: .seconds(3600), lease: .seconds(1))) { event in
                guard event.title == "News" else { return }
                inWork.put(1)
                await gate.wait()
            }
        }
        let (one, two) = (instance(), instance())
        try await broker.withConnections { connect in
            try await withServices(one, two, connect: connect) { cluster in
                for _ in 0..<5 { try await cluster.publish("News", id: "m-1") }
                // Neither in the queue, nor with a worker.
                try await cluster.waitForQueue("enoki.retry.1000") { $0.messageCount >= 1 }
                try await eventually("four have waited") {
                    try await cluster.waitForQueue(Guarded.queue) { $0.messageCount == 0 }
                    return inWork.elements.count == 1
                }
                gate.open()
                try await eventually("all are settled") {
                    let waiting = try await cluster.broker.inspect(queue: "enoki.retry.1000").messageCount
                    let ready = try await cluster.broker.inspect(queue: Guarded.queue).messageCount
                    return waiting == 0 && ready == 0
                }
            }
        }
        #expect(one.calls.elements + two.calls.elements == ["News"])
        #expect(one.attempts.elements + two.attempts.elements == [1])
    }

    @Test(arguments: TestBroker.allCases) func aMessageIsKnownByAKeyOfItsEventWhereOneIsGiven(_ broker: TestBroker)
        async throws
    {
        let guarded = Guarded(.inMemory(for: .seconds(3600), by: \.title))
        try await withServices(guarded, on: broker) { cluster in
            try await cluster.publish("News", id: "m-1")
            try await cluster.publish("News", id: "m-2")
            try await cluster.publish("News", id: "")
            try await cluster.publish("Other news", id: "m-1")
            try await self.settled(cluster, guarded)
            #expect(guarded.calls.elements.sorted() == ["News", "Other news", "last"])
        }
    }

    @Test(arguments: TestBroker.allCases) func idsAreComparedByTheirBytes(_ broker: TestBroker) async throws {
        let guarded = Guarded()
        try await withServices(guarded, on: broker) { cluster in
            try await cluster.publish("composed", id: "caf\u{E9}")
            try await cluster.publish("decomposed", id: "cafe\u{301}")
            try await self.settled(cluster, guarded)
            #expect(guarded.calls.elements.sorted() == ["composed", "decomposed", "last"])
        }
    }

    @Test(arguments: TestBroker.allCases) func nobodyCanUseUpTheIDOfAMessageThatAnotherUserSends(_ broker: TestBroker)
        async throws
    {
        let guarded = Guarded(.inMemory(for: .seconds(3600)), .retry(upTo: 2, .fixed(.milliseconds(100)))) { event in
            if event.title == "genuine", WorkerContext.current?.attempt == 1 { throw Boom(reason: "not yet") }
        }
        try await withServices(guarded, on: broker) { cluster in
            try await cluster.publish("forged", id: "m-1")
            try await cluster.publish("genuine", id: "m-1", user: "guest")
            // Who sent it at first is still known when it comes back from its retry.
            try await eventually("it was tried again") { guarded.calls.elements.count == 3 }
            try await cluster.publish("genuine", id: "m-1", user: "guest")
            try await cluster.publish("forged", id: "m-1")
            try await self.settled(cluster, guarded)
            #expect(guarded.calls.elements.sorted() == ["forged", "genuine", "genuine", "last"])
        }
    }

    @Test(arguments: TestBroker.allCases) func eachInstanceOfABroadcastHandlesAMessageOnce(_ broker: TestBroker)
        async throws
    {
        let store = InMemoryIdempotencyStore()
        func instance() -> Guarded {
            var guarded = Guarded(Idempotency(store: store, for: .seconds(3600)))
            guarded.mode = .broadcast
            return guarded
        }
        let (one, two) = (instance(), instance())
        try await broker.withConnections { connect in
            try await withServices(one, two, connect: connect) { cluster in
                for _ in 0..<3 { try await cluster.publish("News", id: "m-1") }
                try await cluster.publish("last", id: "last")
                try await eventually("both have handled the last") {
                    [one, two].allSatisfy { $0.calls.elements.contains("last") }
                }
                try await cluster.waitUntilQuiet()
                #expect(one.calls.elements.sorted() == ["News", "last"])
                #expect(two.calls.elements.sorted() == ["News", "last"])
            }
        }
    }
}
