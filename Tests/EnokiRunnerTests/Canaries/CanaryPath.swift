import Foundation
import Testing

/// A way on which a secret could get out: something goes wrong with it, and something is said of that.
struct CanaryPath: Sendable, CustomTestStringConvertible {
    /// Where what is said goes.
    enum Sink: String, CaseIterable, Sendable {
        case error, log, deadLetter, reply, exit, listing, value, broker, process, report
    }

    /// What goes wrong.
    let name: String
    let sink: Sink
    /// How many canaries are led along it, by what that costs.
    var count = Canary.flock.count
    /// What stands in what is said, else nothing was said of the secret's surroundings either.
    var mark = ""
    /// Leads them along it, and returns all that was said.
    let run: @Sendable ([Canary]) async throws -> [String]

    var testDescription: String { "\(self.name) → \(self.sink)" }

    /// The canaries for it: of a part of the flock each path gets another.
    func canaries(_ number: Int) -> [Canary] {
        let flock = Canary.flock
        return (0..<self.count).map { flock[(number * self.count + $0) % flock.count] }
    }

    /// A way that is gone with each canary by itself; with few of them at the same time, since that takes longer.
    static func each(
        _ name: String,
        to sink: Sink,
        count: Int = Canary.flock.count,
        _ run: @escaping @Sendable (Canary) async throws -> [String]
    ) -> CanaryPath {
        CanaryPath(name: name, sink: sink, count: count) { canaries in
            guard canaries.count < 100 else {
                var said: [String] = []
                for canary in canaries { said += try await run(canary) }
                return said
            }
            return try await withThrowingTaskGroup(of: [String].self) { group in
                for canary in canaries { group.addTask { try await run(canary) } }
                return try await group.reduce(into: []) { $0 += $1 }
            }
        }
    }

    /// All.
    static let all = addresses + values + settings + files + lifecycles + calls + letters + logins + processes
}

/// Everything that an error says by itself.
func texts(of error: any Error) -> [String] {
    var dumped = ""
    dump(error, to: &dumped)
    return ["\(error)", String(reflecting: error), error.localizedDescription, dumped]
}

/// Everything that a value shows.
func texts(of value: some Any) -> [String] {
    var dumped = ""
    dump(value, to: &dumped)
    return ["\(value)", String(reflecting: value), dumped]
}
