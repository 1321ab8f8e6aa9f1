/// The one place of a process for messages that have come back more than once.
///
/// One of them may kill the process. Then all that is in hand comes back and is counted, so that no other that has a
/// count already shall be in hand with it. One that stays very long keeps the others out no longer: it is alive.
final class Quarantine: Sendable {
    private let place = Locked<(occupant: ObjectIdentifier, until: Duration)?>(nil)

    /// How long a delivery may have the place for itself.
    private static let longestStay = Duration.seconds(300)

    /// Takes the place for a delivery.
    ///
    /// - Parameter now: The time, by the clock of the process.
    /// - Returns: Whether it was free.
    func enter(_ token: DeliveryToken, at now: Duration) -> Bool {
        self.place.withLock { place in
            if let place, now < place.until { return false }
            place = (ObjectIdentifier(token), now + Self.longestStay)
            return true
        }
    }

    /// Leaves the place, if the delivery has it: its call has ended, or is not made.
    func leave(_ token: DeliveryToken) {
        self.place.withLock { place in if place?.occupant == ObjectIdentifier(token) { place = nil } }
    }
}
