import EnokiBroker

/// Counts the steps of a broker and says which of them go wrong, and how.
struct FaultSchedule: Sendable {
    private let plan: FaultPlan
    private var generator: SeededGenerator
    private var counts: [Fault.Step.Kind: Int] = [:]
    private var countsByConnection: [ByteName: [Fault.Step.Kind: Int]] = [:]
    /// What has gone wrong so far.
    private(set) var occurred: [Fault] = []

    init(_ plan: FaultPlan) {
        self.plan = plan
        self.generator = SeededGenerator(seed: plan.choice?.seed ?? 0)
    }

    /// A step is about to be done for a connection.
    ///
    /// - Returns: What goes wrong with it.
    mutating func step(_ kind: Fault.Step.Kind, of connection: String) -> StepFaults {
        self.counts[kind, default: 0] += 1
        self.countsByConnection[ByteName(connection), default: [:]][kind, default: 0] += 1
        let number = self.counts[kind, default: 0]
        let ownNumber = self.countsByConnection[ByteName(connection)]?[kind] ?? 0
        var faults = self.plan.faults.filter { fault in
            guard fault.step.kind == kind else { return false }
            guard let wanted = fault.connection else { return fault.step.number == number }
            return fault.step.number == ownNumber && wanted.hasSameBytes(as: connection)
        }
        if let effect = self.pick(for: kind) {
            faults.append(Fault(effect: effect, step: Fault.Step(kind: kind, number: number)))
        }
        self.occurred += faults
        return StepFaults(faults: faults)
    }

    private mutating func pick(for kind: Fault.Step.Kind) -> Fault.Effect? {
        guard let choice = self.plan.choice else { return nil }
        // 53 bits are what a Double has.
        let isHit = Double(self.generator.next() >> 11) / 9_007_199_254_740_992 < choice.rate
        let effects = self.effects(of: choice.kinds, at: kind)
        guard isHit, !effects.isEmpty else { return nil }
        return effects[self.generator.index(below: effects.count)]
    }

    private mutating func effects(of kinds: FaultPlan.Kind, at step: Fault.Step.Kind) -> [Fault.Effect] {
        var effects: [Fault.Effect] = []
        let delay = Duration.milliseconds(1 + self.generator.index(below: 100))
        if kinds.contains(.drops) { effects += [.dropConnection(isBefore: true), .dropConnection(isBefore: false)] }
        if kinds.contains(.restarts) { effects.append(.restart) }
        switch step {
        case .publish:
            if kinds.contains(.lostConfirms) { effects.append(.loseConfirm) }
            if kinds.contains(.lateConfirms) { effects.append(.delayConfirm(delay)) }
            if kinds.contains(.blockedPublishers) { effects.append(.blockPublishers(delay)) }
        case .delivery:
            if kinds.contains(.duplicates) { effects.append(.duplicate) }
            if kinds.contains(.cancelledConsumers) { effects.append(.cancelConsumer) }
        case .acknowledgement: break
        }
        return effects
    }
}
