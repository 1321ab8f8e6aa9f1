import ChaosLedger
import EnokiInProcess

/// Cuts the connections of processes, one after the other, until it is enough.
enum Cutter {
    // A blackhole takes some seconds to be seen, so there are fewer.
    private static let actions: [Cut.Action] =
        [.blackhole] + [Cut.Action.reset, .finish, .flip].flatMap { Array(repeating: $0, count: 3) }

    /// Cuts those of all `members` at once, each by its own choices, while `goesOn` says so.
    static func cut(
        _ members: [Crew.Member],
        seed: UInt64,
        while goesOn: @escaping @Sendable () throws -> Bool
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, member) in members.enumerated() {
                let generator = SeededGenerator(seed: seed &+ UInt64(index))
                group.addTask { try await Self.cut(member, generator, while: goesOn) }
            }
            try await group.waitForAll()
        }
    }

    /// Cuts the connections of one process by turns.
    private static func cut(
        _ member: Crew.Member,
        _ seeded: SeededGenerator,
        while goesOn: () throws -> Bool
    ) async throws {
        var generator = seeded
        // Each method of a new connection once, then as it comes.
        var methods = WireMethod.setup
        methods.shuffle(using: &generator)
        var index = 0
        while try goesOn() {
            defer { index += 1 }
            let connection = try await self.connectionThatHolds(member)
            let action: Cut.Action
            if index % 3 == 2, let method = methods.popLast() ?? WireMethod.setup.randomElement(using: &generator) {
                let actions: [Cut.Action] = [.reset, .finish, .flip]
                action = actions[generator.index(below: actions.count)]
                member.proxy.arm(Cut(action: action, direction: method.direction, trigger: .method(method, count: 1)))
                // It is sent only when a connection is made.
                member.proxy.strike(.reset, on: connection)
            } else {
                let cut = Cut.random(Self.actions, &generator)
                action = cut.action
                member.proxy.arm(cut, on: connection)
            }
            let deadline = Instant.now + .milliseconds(1500)
            while member.proxy.isArmed, Instant.now < deadline {
                try await ContinuousClock().sleep(for: .milliseconds(10))
            }
            // What it waits for may not be sent on this connection.
            if member.proxy.isArmed {
                member.proxy.strike(action == .flip ? .reset : action, on: connection)
            }
            try await ContinuousClock().sleep(for: .milliseconds(generator.index(below: 300)))
        }
    }

    /// The older of the two connections, once it has held for so long that its loss begins a new series of attempts: one that
    /// is lost sooner is made again more slowly.
    private static func connectionThatHolds(_ member: Crew.Member) async throws -> Int? {
        let deadline = Instant.now + .seconds(10)
        while Instant.now < deadline {
            if let (connection, since) = member.proxy.oldest, Instant.now - since > .milliseconds(5200) {
                return connection
            }
            try await ContinuousClock().sleep(for: .milliseconds(20))
        }
        return nil
    }
}
