/// The places of a process for messages that have come back more than once: one at first.
///
/// One of them may kill the process. Then all that is in hand comes back and is counted, so that no other that has a
/// count already shall be in hand with it. With each whose call ends and leaves the process alive there are twice as many places,
/// so that many that came back for another reason, such as a broker that was restarted twice, are not worked on one by one.
/// Among so many there may still be one that kills: who may not come back once more takes all places, and shares them with nobody.
final class Quarantine: Sendable {
    /// How much of it a delivery takes.
    enum Stay: Sendable, Hashable {
        case onePlace
        case allPlaces
    }

    private struct Occupant {
        let stay: Stay
        /// Until when it keeps others out; `nil` while its call has not begun.
        var end: Duration?
    }

    private struct State {
        var places = 1
        var occupants: [ObjectIdentifier: Occupant] = [:]

        func hasRoom(for stay: Stay) -> Bool {
            switch stay {
            case .allPlaces: self.occupants.isEmpty
            case .onePlace:
                self.occupants.count < self.places && self.occupants.values.allSatisfy { $0.stay == .onePlace }
            }
        }
    }

    private let state = Locked(State())

    /// How long a call may keep others out: one that lives so long has not killed.
    private static let longestStay = Duration.seconds(300)
    private static let mostPlaces = 1024

    /// Takes a place for a delivery, or all of them.
    ///
    /// - Parameter now: The time, by the clock of the process.
    /// - Returns: Whether there was room.
    func enter(_ token: DeliveryToken, _ stay: Stay, at now: Duration) -> Bool {
        self.state.withLock { state in
            if !state.hasRoom(for: stay) {
                state.occupants = state.occupants.filter { $0.value.end.map { now < $0 } ?? true }
            }
            guard state.hasRoom(for: stay) else { return false }
            state.occupants[ObjectIdentifier(token)] = Occupant(stay: stay)
            return true
        }
    }

    /// The call of the delivery begins, if the delivery is here.
    func begin(_ token: DeliveryToken, at now: Duration) {
        self.state.withLock { $0.occupants[ObjectIdentifier(token)]?.end = now + Self.longestStay }
    }

    /// Leaves, if the delivery is here: its call has ended, or is not made.
    func leave(_ token: DeliveryToken) {
        self.state.withLock { state in
            // One whose call has not begun has proved nothing.
            guard let occupant = state.occupants.removeValue(forKey: ObjectIdentifier(token)), occupant.end != nil
            else {
                return
            }
            state.places = min(state.places * 2, Self.mostPlaces)
        }
    }
}
