import Enoki
import EnokiBroker

/// What a consumer of dead letters has got so far.
final class LetterIntake: Sendable {
    /// A letter that is held: nobody else gets it until it is settled.
    struct Held: Sendable {
        let letter: ListedLetter
        /// Absent where it was not wanted: of a thousand letters that are only listed no body stays in memory.
        let message: Message?
        let token: DeliveryToken
    }

    private struct State {
        var held: [Held] = []
        var keptBytes = 0
        var waiting: [(count: Int, latch: Latch)] = []
    }

    private let maximumBytes: Int
    private let keepsMessage: @Sendable (ListedLetter) -> Bool
    private let state = Locked(State())

    init(
        maximumBytes: Int = LetterIntake.maximumBytes,
        keepsMessage: @escaping @Sendable (ListedLetter) -> Bool
    ) {
        self.maximumBytes = maximumBytes
        self.keepsMessage = keepsMessage
    }

    /// What has come, in the order of the queue.
    var held: [Held] { self.state.withLock { $0.held } }

    /// How many have come.
    var count: Int { self.state.withLock { $0.held.count } }

    /// Takes a delivery; called by the transport.
    func take(_ delivery: Delivery) {
        let ready = self.state.withLock { state in
            let letter = ListedLetter(delivery, number: state.held.count + 1)
            var message: Message?
            if self.keepsMessage(letter) {
                state.keptBytes += letter.size
                let hasRoom = state.keptBytes == letter.size || state.keptBytes <= self.maximumBytes
                message = hasRoom ? delivery.message : nil
            }
            state.held.append(Held(letter: letter, message: message, token: delivery.token))
            let count = state.held.count
            return state.waiting.filter { $0.count <= count }
        }
        for waiting in ready { waiting.latch.open() }
    }

    /// The most that bodies take in memory, in bytes, but for a single one.
    static let maximumBytes = 256 * 1024 * 1024

    /// Returns when so many have come, or when the task is cancelled.
    func wait(for count: Int) async {
        let latch = Latch()
        let isThere = self.state.withLock { state in
            state.waiting.append((count, latch))
            return state.held.count >= count
        }
        if isThere { latch.open() }
        await latch.wait()
    }
}
