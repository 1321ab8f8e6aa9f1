/// The confirms of a channel on their way to the client: those of publishes one after another are told at once.
///
/// It performs no I/O.
struct ConfirmRun {
    /// Confirms that are told as one.
    struct Run: Equatable {
        let sequence: UInt64
        /// Whether it stands for those before it too.
        let isMultiple: Bool
    }

    /// All up to here have been told, or are in the run.
    private var floor: UInt64 = 0
    /// Those above ``floor`` that have been told by themselves.
    private var ahead: Set<UInt64> = []
    private var run: Run?

    /// A publish is confirmed.
    ///
    /// - Returns: Whether it is in the run; otherwise it must be told by itself, because one before it is missing.
    mutating func add(_ sequence: UInt64) -> Bool {
        guard sequence == self.floor + 1 else {
            self.noteTold(sequence)
            return false
        }
        self.run = Run(sequence: sequence, isMultiple: self.run != nil)
        self.noteTold(sequence)
        return true
    }

    /// A publish has been told by itself: it was refused, or confirmed out of turn.
    mutating func noteTold(_ sequence: UInt64) {
        self.ahead.insert(sequence)
        while self.ahead.remove(self.floor + 1) != nil { self.floor += 1 }
    }

    /// Ends the run.
    mutating func take() -> Run? {
        defer { self.run = nil }
        return self.run
    }
}
