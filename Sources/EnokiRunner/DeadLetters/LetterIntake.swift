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

    private let wanted: Int
    private let maximumBytes: Int
    private let keepsMessage: @Sendable (ListedLetter) -> Bool
    private let list = Locked<[Held]>([])
    private let keptBytes = Locked(0)
    private let enough = Latch()

    init(
        wanted: Int,
        maximumBytes: Int = LetterIntake.maximumBytes,
        keepsMessage: @escaping @Sendable (ListedLetter) -> Bool
    ) {
        self.wanted = wanted
        self.maximumBytes = maximumBytes
        self.keepsMessage = keepsMessage
        if wanted == 0 { self.enough.open() }
    }

    /// What has come, in the order of the queue.
    var held: [Held] { self.list.withLock { $0 } }

    /// How many have come.
    var count: Int { self.list.withLock { $0.count } }

    /// Takes a delivery; called by the transport, one at a time.
    func take(_ delivery: Delivery) {
        let letter = ListedLetter(delivery, number: self.count + 1)
        let message = self.keepsMessage(letter) && self.hasRoom(for: letter) ? delivery.message : nil
        let count = self.list.withLock { list in
            list.append(Held(letter: letter, message: message, token: delivery.token))
            return list.count
        }
        if count >= self.wanted { self.enough.open() }
    }

    private func hasRoom(for letter: ListedLetter) -> Bool {
        self.keptBytes.withLock { bytes in
            bytes += letter.size
            return bytes == letter.size || bytes <= self.maximumBytes
        }
    }

    /// The most that bodies take in memory, in bytes, but for a single one.
    static let maximumBytes = 256 * 1024 * 1024

    /// Returns when there are as many as were wanted, or when the task is cancelled.
    func waitUntilEnough() async { await self.enough.wait() }
}
