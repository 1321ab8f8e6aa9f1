/// Lets so many at once do something, and the others wait in line. Whoever is in must not wait to get in again: all might.
package actor Turnstile {
    private var free: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    package init(places: Int) { self.free = places }

    /// Runs `body` when there is a place for it.
    package nonisolated func pass<Result>(_ body: () async throws -> Result) async throws -> Result {
        await self.enter()
        do {
            let result = try await body()
            await self.leave()
            return result
        } catch {
            await self.leave()
            throw error
        }
    }

    private func enter() async {
        if self.free > 0 {
            self.free -= 1
        } else {
            await withCheckedContinuation { self.waiting.append($0) }
        }
    }

    private func leave() {
        if self.waiting.isEmpty {
            self.free += 1
        } else {
            self.waiting.removeFirst().resume()
        }
    }
}
