/// The places of a process for messages that have come back more than once: one at first.
///
/// One of them may kill the process. Then all that is in hand comes back and is counted, so that no other that has a
/// count already shall be in hand with it. With each that leaves and leaves the process alive there are twice as many places,
/// so that many that came back for another reason, such as a broker that was restarted twice, are not worked on one by one.
final class Quarantine: Sendable {
    private struct State {
        var places = 1
        /// Until when each has its place.
        var occupants: [ObjectIdentifier: Duration] = [:]
    }

    private let state = Locked(State())

    /// How long a delivery may keep others out: one that lives so long has not killed.
    private static let longestStay = Duration.seconds(300)
    private static let mostPlaces = 1024

    /// Takes a place for a delivery.
    ///
    /// - Parameter now: The time, by the clock of the process.
    /// - Returns: Whether one was free.
    func enter(_ token: DeliveryToken, at now: Duration) -> Bool {
        self.state.withLock { state in
            if state.occupants.count >= state.places { state.occupants = state.occupants.filter { now < $0.value } }
            guard state.occupants.count < state.places else { return false }
            state.occupants[ObjectIdentifier(token)] = now + Self.longestStay
            return true
        }
    }

    /// Leaves the place, if the delivery has one: its call has ended, or is not made.
    func leave(_ token: DeliveryToken) {
        self.state.withLock { state in
            guard state.occupants.removeValue(forKey: ObjectIdentifier(token)) != nil else { return }
            state.places = min(state.places * 2, Self.mostPlaces)
        }
    }
}
