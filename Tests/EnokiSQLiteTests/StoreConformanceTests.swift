import Enoki
import Testing

/// What a guard relies on, for each store.
@Suite(.timeLimit(.minutes(5))) struct StoreConformanceTests {
    private static let lease = Duration.seconds(30)

    private func with(
        _ kind: StoreKind,
        _ body: (any IdempotencyStore, Place) async throws -> Void
    ) async throws {
        try await Place.with { place in
            let store = kind.store(at: place)
            for _ in 0..<2 { try await store.open() }
            try await body(store, place)
        }
    }

    private func answer(_ store: any IdempotencyStore, _ claim: IdempotencyClaim) async throws -> IdempotencyAnswer {
        try await store.begin(claim, lease: Self.lease)
    }

    @Test(arguments: StoreKind.allCases) func aMessageIsBegunOnceAndThenDoneForItsWindow(_ kind: StoreKind) async throws
    {
        try await self.with(kind) { store, place in
            let first = claim("m")
            #expect(try await self.answer(store, first) == .begun)
            #expect(try await self.answer(store, claim("m")) == .claimed(remaining: .seconds(30)))
            place.advance(by: .seconds(10))
            #expect(try await self.answer(store, claim("m")) == .claimed(remaining: .seconds(20)))
            let wasHeld = try await store.complete(first)
            #expect(wasHeld)
            #expect(try await self.answer(store, claim("m")) == .done)
            // The window is counted from its end.
            place.advance(by: .milliseconds(99_999))
            #expect(try await self.answer(store, claim("m")) == .done)
            place.advance(by: .milliseconds(1))
            #expect(try await self.answer(store, claim("m")) == .begun)
        }
    }

    @Test(arguments: StoreKind.allCases) func aClaimThatIsGivenBackLeavesNoTrace(_ kind: StoreKind) async throws {
        try await self.with(kind) { store, _ in
            let first = claim("m")
            _ = try await self.answer(store, first)
            try await store.release(first)
            #expect(try await self.answer(store, claim("m")) == .begun)
            // It is another's now.
            try await store.release(first)
            #expect(try await self.answer(store, claim("m")) == .claimed(remaining: .seconds(30)))
        }
    }

    @Test(arguments: StoreKind.allCases) func whatIsDoneCannotBeGivenBack(_ kind: StoreKind) async throws {
        try await self.with(kind) { store, _ in
            let first = claim("m")
            _ = try await self.answer(store, first)
            try await store.complete(first)
            try await store.release(first)
            #expect(try await self.answer(store, claim("m")) == .done)
        }
    }

    @Test(arguments: StoreKind.allCases) func aClaimEndsWithItsLeaseUnlessItIsRenewed(_ kind: StoreKind) async throws {
        try await self.with(kind) { store, place in
            let (kept, left) = (claim("kept"), claim("left"))
            for claim in [kept, left] { _ = try await self.answer(store, claim) }
            for _ in 0..<5 {
                place.advance(by: .seconds(20))
                try await store.renew([kept], lease: Self.lease)
            }
            #expect(try await self.answer(store, claim("kept")) == .claimed(remaining: .seconds(30)))
            #expect(try await self.answer(store, claim("left")) == .begun)
            // Renewing takes nothing back.
            try await store.renew([left], lease: .seconds(3600))
            #expect(try await self.answer(store, claim("left")) == .claimed(remaining: .seconds(30)))
        }
    }

    @Test(arguments: StoreKind.allCases) func whoeverHasTheClaimByThenWhatIsDoneIsDone(_ kind: StoreKind) async throws {
        try await self.with(kind) { store, place in
            let (first, second) = (claim("m"), claim("m"))
            _ = try await self.answer(store, first)
            place.advance(by: .seconds(30))
            #expect(try await self.answer(store, second) == .begun)
            let wasHeld = try await store.complete(first)
            #expect(!wasHeld)
            #expect(try await self.answer(store, claim("m")) == .done)
            try await store.release(second)
            #expect(try await self.answer(store, claim("m")) == .done)
        }
    }

    @Test(arguments: StoreKind.allCases) func aClaimWhoseLeaseEndedIsHeldUntilAnotherTakesIt(_ kind: StoreKind)
        async throws
    {
        try await self.with(kind) { store, place in
            let first = claim("m")
            _ = try await self.answer(store, first)
            place.advance(by: .seconds(31))
            #expect(try await store.complete(first))
            #expect(try await self.answer(store, claim("m")) == .done)
        }
    }

    @Test(arguments: StoreKind.allCases) func messagesAreToldApartByTheBytesOfAllTheirParts(_ kind: StoreKind)
        async throws
    {
        try await self.with(kind) { store, _ in
            let claims = [
                claim("caf\u{E9}"), claim("cafe\u{301}"), claim("a"), claim("a\0"), claim("a\0b"), claim("A"),
                claim(""),
                claim("a", sender: "bob"), claim("a", queue: "other"), claim("", sender: "a"), claim("1"), claim("1.0"),
            ]
            for claim in claims { #expect(try await self.answer(store, claim) == .begun, "\(claim.key.id)") }
            for claim in claims { try await store.complete(claim) }
            for claim in claims { #expect(try await self.answer(store, claim) == .done) }
        }
    }

    @Test(arguments: StoreKind.allCases) func ofManyThatBeginAtOnceOneMay(_ kind: StoreKind) async throws {
        try await self.with(kind) { store, _ in
            for round in 0..<20 {
                let begun = try await withThrowingTaskGroup(of: IdempotencyAnswer.self) { group in
                    for _ in 0..<16 { group.addTask { try await self.answer(store, claim("\(round)")) } }
                    return try await group.reduce(into: 0) { count, answer in if answer == .begun { count += 1 } }
                }
                #expect(begun == 1)
            }
        }
    }

    @Test(arguments: StoreKind.allCases) func aCallGoesThroughWhenItsTaskIsCancelled(_ kind: StoreKind) async throws {
        try await self.with(kind) { store, _ in
            let first = claim("m")
            let work = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                let answer = try await self.answer(store, first)
                return (answer, try await store.complete(first))
            }
            let (answer, wasHeld) = try await work.value
            #expect(answer == .begun)
            #expect(wasHeld)
            #expect(try await self.answer(store, claim("m")) == .done)
        }
    }
}
