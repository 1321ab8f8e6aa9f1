/// Lets so many at once do something, and the others wait in line. Whoever is in must not wait to get in again: all might.
package actor Turnstile {
    private struct Waiting {
        let places: Int
        let continuation: CheckedContinuation<Void, Never>
    }

    private let all: Int
    private var free: Int
    private var waiting: [Waiting] = []

    /// How many wait in line.
    package var waitingCount: Int { self.waiting.count }

    package init(places: Int) {
        self.all = places
        self.free = places
    }

    /// Runs `body` when there is room for it.
    ///
    /// - Parameter isAlone: Whether it takes all places, and not one.
    package nonisolated func pass<Result>(isAlone: Bool = false, _ body: () async throws -> Result) async throws
        -> Result
    {
        let places = isAlone ? self.all : 1
        await self.enter(places)
        do {
            let result = try await body()
            await self.leave(places)
            return result
        } catch {
            await self.leave(places)
            throw error
        }
    }

    private func enter(_ places: Int) async {
        // Whoever takes many is not overtaken for ever by those who take one.
        if self.waiting.isEmpty, self.free >= places {
            self.free -= places
        } else {
            await withCheckedContinuation { self.waiting.append(Waiting(places: places, continuation: $0)) }
        }
    }

    private func leave(_ places: Int) {
        self.free += places
        while let next = self.waiting.first, next.places <= self.free {
            self.free -= next.places
            self.waiting.removeFirst().continuation.resume()
        }
    }
}
