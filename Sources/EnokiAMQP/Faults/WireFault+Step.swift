extension WireFault {
    /// A step on the wire, counted from 1 over all connections, or over one where the fault names it.
    public struct Step: Sendable, Hashable {
        enum Event: Sendable, Hashable {
            case accepts
            case sends(FrameKind)
            case receives(FrameKind)
        }

        let event: Event
        let number: Int

        /// The `number`th connection comes.
        public static func accepts(_ number: Int = 1) -> Step { Step(event: .accepts, number: number) }
        /// The server sends its `number`th frame of a kind.
        public static func sends(_ frame: FrameKind, _ number: Int = 1) -> Step {
            Step(event: .sends(frame), number: number)
        }
        /// The server receives its `number`th frame of a kind.
        public static func receives(_ frame: FrameKind, _ number: Int = 1) -> Step {
            Step(event: .receives(frame), number: number)
        }
    }

    /// A step that has a frame.
    public struct FrameStep: Sendable, Hashable {
        let step: Step

        /// The server sends its `number`th frame of a kind.
        public static func sends(_ frame: FrameKind, _ number: Int = 1) -> FrameStep {
            FrameStep(step: .sends(frame, number))
        }
        /// The server receives its `number`th frame of a kind.
        public static func receives(_ frame: FrameKind, _ number: Int = 1) -> FrameStep {
            FrameStep(step: .receives(frame, number))
        }
    }

    /// A step that announces a message's body.
    public struct ContentHeaderStep: Sendable, Hashable {
        let step: Step

        /// The server sends its `number`th content header.
        public static func sends(_ number: Int = 1) -> ContentHeaderStep {
            ContentHeaderStep(step: .sends(.contentHeader, number))
        }
        /// The server receives its `number`th content header.
        public static func receives(_ number: Int = 1) -> ContentHeaderStep {
            ContentHeaderStep(step: .receives(.contentHeader, number))
        }
    }
}

extension WireFault.Step: CustomStringConvertible {
    /// The step as it is written in a plan.
    public var description: String {
        switch self.event {
        case .accepts: ".accepts(\(self.number))"
        case .sends(let kind): ".sends(.\(kind), \(self.number))"
        case .receives(let kind): ".receives(.\(kind), \(self.number))"
        }
    }
}
