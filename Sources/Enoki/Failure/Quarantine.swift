/// The one place of a process for messages that have come back more than once.
///
/// One of them may kill the process. Then all that is in hand comes back and is counted, so that no other that has a
/// count already shall be in hand with it.
final class Quarantine: Sendable {
    private let occupant = Locked<ObjectIdentifier?>(nil)

    /// Takes the place for a delivery.
    ///
    /// - Returns: Whether it was free.
    func enter(_ token: DeliveryToken) -> Bool {
        self.occupant.withLock { occupant in
            guard occupant == nil else { return false }
            occupant = ObjectIdentifier(token)
            return true
        }
    }

    /// Leaves the place, if the delivery has it: its call has ended, or is not made.
    func leave(_ token: DeliveryToken) {
        self.occupant.withLock { occupant in if occupant == ObjectIdentifier(token) { occupant = nil } }
    }
}
