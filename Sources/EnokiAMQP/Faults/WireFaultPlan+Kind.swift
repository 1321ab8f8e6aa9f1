import EnokiInProcess

extension WireFaultPlan {
    /// The kinds of faults that a seed picks from.
    public struct Kind: OptionSet, Sendable, Hashable {
        /// The bits of the set.
        public let rawValue: Int
        /// A set of kinds by its bits.
        public init(rawValue: Int) { self.rawValue = rawValue }

        /// ``WireFault/close(before:)`` and ``WireFault/close(after:)``.
        public static let closes = Kind(rawValue: 1 << 0)
        /// ``WireFault/reset(before:)`` and ``WireFault/reset(after:)``.
        public static let resets = Kind(rawValue: 1 << 1)
        /// ``WireFault/halfClose(before:)`` and ``WireFault/halfClose(after:)``.
        public static let halfCloses = Kind(rawValue: 1 << 2)
        /// ``WireFault/cut(_:afterBytes:)``.
        public static let cuts = Kind(rawValue: 1 << 3)
        /// ``WireFault/delay(_:by:)``, by up to 50 milliseconds.
        public static let delays = Kind(rawValue: 1 << 4)
        /// ``WireFault/wrongEnd(of:octet:)``.
        public static let wrongEnds = Kind(rawValue: 1 << 5)
        /// ``WireFault/wrongSize(of:by:)``, by up to 8 bytes.
        public static let wrongSizes = Kind(rawValue: 1 << 6)
        /// ``WireFault/announceBody(of:in:)``, of up to 2^63 bytes.
        public static let wrongBodySizes = Kind(rawValue: 1 << 7)
        /// ``WireFault/flip(byte:of:)``, of any byte of the frame.
        public static let flips = Kind(rawValue: 1 << 8)
        /// ``WireFault/lose(_:)``.
        public static let losses = Kind(rawValue: 1 << 9)
        /// ``WireFault/duplicate(_:)``.
        public static let duplicates = Kind(rawValue: 1 << 10)
        /// ``WireFault/inject(_:after:)``, of up to 32 bytes.
        public static let injections = Kind(rawValue: 1 << 11)
        /// ``WireFault/silence(after:)``, which the client notices by its heartbeats and deadlines alone.
        public static let silences = Kind(rawValue: 1 << 12)
        /// ``WireFault/blackhole(after:)``, which the client notices by its heartbeats and deadlines alone.
        public static let blackholes = Kind(rawValue: 1 << 13)
        /// ``WireFault/stopHeartbeats(after:)``.
        public static let stoppedHeartbeats = Kind(rawValue: 1 << 14)
        /// ``WireFault/throttle(after:bytesPerSecond:)``, to 10,000 to 100,000 bytes a second.
        public static let throttles = Kind(rawValue: 1 << 15)
        /// ``WireFault/blockPublishers(after:for:)``, for up to 100 milliseconds.
        public static let blockedPublishers = Kind(rawValue: 1 << 16)

        /// Those that a client sees at once, and after which it can connect again and go on.
        public static let passing: Kind = [.closes, .resets, .halfCloses, .cuts, .delays, .wrongEnds]
        /// All.
        public static let all = Kind(rawValue: (1 << 17) - 1)
    }
}

extension WireFaultPlan.Kind {
    /// What of these kinds can go wrong at a step, with everything about it chosen.
    ///
    /// - Parameter size: How many bytes the step's frame has.
    func effects(
        at event: WireFault.Step.Event,
        size: Int,
        using generator: inout SeededGenerator
    ) -> [WireFault.Effect] {
        var effects: [WireFault.Effect] = []
        for (kind, end) in [(Self.closes, WireFault.End.close), (.resets, .reset), (.halfCloses, .halfClose)]
        where self.contains(kind) {
            effects += [.end(end, isBefore: true), .end(end, isBefore: false)]
        }
        if self.contains(.silences) { effects.append(.silence) }
        if self.contains(.blackholes) { effects.append(.blackhole) }
        if self.contains(.stoppedHeartbeats) { effects.append(.stopHeartbeats) }
        let rate = 10_000 + generator.index(below: 90_001)
        if self.contains(.throttles) { effects.append(.throttle(bytesPerSecond: rate)) }
        let bytes = (0...generator.index(below: 32)).map { _ in UInt8(generator.index(below: 256)) }
        if self.contains(.injections) { effects.append(.inject(bytes)) }
        guard event != .accepts else { return effects }
        return effects + self.frameEffects(at: event, size: size, using: &generator)
    }

    private func frameEffects(
        at event: WireFault.Step.Event,
        size: Int,
        using generator: inout SeededGenerator
    ) -> [WireFault.Effect] {
        var effects: [WireFault.Effect] = []
        let byte = generator.index(below: max(1, size))
        let octet = UInt8(generator.index(below: Int(Frame.end)))
        let difference = (1 + generator.index(below: 8)) * (generator.index(below: 2) == 0 ? 1 : -1)
        let bodySize = generator.next() >> (1 + generator.next() % 63)
        if self.contains(.cuts) { effects.append(.cut(afterBytes: byte)) }
        if self.contains(.delays) { effects.append(.delay(.milliseconds(1 + generator.index(below: 50)))) }
        if self.contains(.flips) { effects.append(.flip(byte: byte)) }
        if self.contains(.losses) { effects.append(.lose) }
        if self.contains(.duplicates) { effects.append(.duplicate) }
        switch event {
        case .accepts, .sends(.protocolHeader), .receives(.protocolHeader): return effects
        case .sends(.contentHeader), .receives(.contentHeader):
            if self.contains(.wrongBodySizes) { effects.append(.announceBody(bodySize)) }
        case .sends, .receives: break
        }
        if self.contains(.wrongEnds) { effects.append(.wrongEnd(octet)) }
        if self.contains(.wrongSizes) { effects.append(.resize(by: difference)) }
        if self.contains(.blockedPublishers) {
            effects.append(.blockPublishers(.milliseconds(1 + generator.index(below: 100))))
        }
        return effects
    }
}
