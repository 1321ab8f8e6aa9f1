/// What goes wrong with one step.
struct StepFaults: Sendable {
    let faults: [Fault]

    static let none = StepFaults(faults: [])

    /// The fault that keeps the step from being done, where there is one.
    var lossBefore: Fault? { self.faults.first { $0.effect == .dropConnection(isBefore: true) } }

    /// Why the connection is lost once the step is done; `nil` where it is not.
    var lossAfterwards: AMQPException? {
        self.faults.first { $0.effect == .dropConnection(isBefore: false) }?.reason
    }

    var restartsAfterwards: Bool { self.faults.contains { $0.effect == .restart } }

    var duplicates: Bool { self.faults.contains { $0.effect == .duplicate } }

    var cancelsConsumer: Bool { self.faults.contains { $0.effect == .cancelConsumer } }

    /// How long the confirm of a publish takes, where it does not come at once.
    var confirmDelay: ConfirmDelay? {
        for fault in self.faults {
            if case .delayConfirm(let delay) = fault.effect { return .until(delay) }
            if fault.effect == .loseConfirm { return .forever }
        }
        return nil
    }

    enum ConfirmDelay { case until(Duration), forever }

    /// For how long the broker takes no messages, and why.
    var block: (duration: Duration, reason: String)? {
        for fault in self.faults {
            if case .blockPublishers(let duration) = fault.effect { return (duration, "\(fault)") }
        }
        return nil
    }
}

extension Fault {
    /// What the broker says when it closes a connection over the fault.
    var reason: AMQPException { AMQPException(.connectionForced, "\(self)") }
}
