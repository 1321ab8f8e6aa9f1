import EnokiBroker
import EnokiInProcess

/// Counts the steps on the wire of a port and says which of them go wrong, and how.
struct WireFaultSchedule: Sendable {
    private typealias Counts = [WireFault.Step.Event: Int]

    private let plan: WireFaultPlan
    private var connectionCount = 0
    private var counts: Counts = [:]
    private var countsOfConnections: [Int: Counts] = [:]
    private var countsOfNames: [ByteName: Counts] = [:]
    /// What has gone wrong so far.
    private(set) var occurred: [WireFault] = []

    init(_ plan: WireFaultPlan) { self.plan = plan }

    /// A connection has come.
    ///
    /// - Returns: Its number.
    mutating func connect() -> Int {
        self.connectionCount += 1
        self.countsOfConnections[self.connectionCount] = [:]
        return self.connectionCount
    }

    /// A connection is over.
    mutating func disconnect(_ connection: Int) { self.countsOfConnections[connection] = nil }

    /// A step is about to be done on a connection.
    ///
    /// - Parameters:
    ///   - event: What is about to be done.
    ///   - connection: The number of the connection.
    ///   - name: What the client calls itself, once it has said so.
    ///   - size: How many bytes the step's frame has.
    /// - Returns: What goes wrong with it.
    mutating func step(
        _ event: WireFault.Step.Event,
        on connection: Int,
        name: ByteName? = nil,
        size: Int = 0
    ) -> [WireFault] {
        // Connections are numbered where they come; what they do then is in any order.
        let number = event == .accepts ? connection : self.counts.count(event)
        let ownNumber = self.countsOfConnections[connection, default: [:]].count(event)
        let numberByName = name.map { self.countsOfNames[$0, default: [:]].count(event) }
        var faults = self.plan.faults.filter { fault in
            guard fault.step.event == event else { return false }
            switch fault.scope {
            case .all: return fault.step.number == number
            case .connection(connection): return fault.step.number == ownNumber
            case .connection: return false
            case .name(let wanted): return wanted == name && fault.step.number == numberByName
            }
        }
        if let effect = self.pick(event, ownNumber, on: connection, size: size) {
            let step = WireFault.Step(event: event, number: ownNumber)
            faults.append(WireFault(effect: effect, step: step, scope: .connection(connection)))
        }
        // Where the connection ends before the step, nothing else happens.
        if let end = faults.first(where: \.isBeforeStep) { faults = [end] }
        self.occurred += faults
        return faults
    }

    private func pick(
        _ event: WireFault.Step.Event,
        _ number: Int,
        on connection: Int,
        size: Int
    ) -> WireFault.Effect? {
        guard let choice = self.plan.choice else { return nil }
        var generator = SeededGenerator(seed: choice.seed)
        for part in [UInt64(connection), event.code, UInt64(number)] {
            generator = SeededGenerator(seed: generator.next() ^ part)
        }
        // 53 bits are what a Double has.
        guard Double(generator.next() >> 11) / 9_007_199_254_740_992 < choice.rate else { return nil }
        let effects = choice.kinds.effects(at: event, size: size, using: &generator)
        return effects.isEmpty ? nil : effects[generator.index(below: effects.count)]
    }
}

extension WireFault {
    /// Whether the step is not done at all.
    fileprivate var isBeforeStep: Bool {
        if case .end(_, isBefore: true) = self.effect { true } else { false }
    }
}

extension WireFault.Step.Event {
    /// A number that no other event has.
    fileprivate var code: UInt64 {
        switch self {
        case .accepts: 0
        case .sends(let kind): 1 << 32 | UInt64(kind.rawValue)
        case .receives(let kind): 2 << 32 | UInt64(kind.rawValue)
        }
    }
}

extension [WireFault.Step.Event: Int] {
    /// One more.
    fileprivate mutating func count(_ event: Key) -> Int {
        let number = self[event, default: 0] + 1
        self[event] = number
        return number
    }
}
