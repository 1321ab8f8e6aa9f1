extension Settler {
    /// Decides when a copy is published, when its target is declared, and when neither is tried for a while.
    ///
    /// Each target is declared at the first need, and once more when it turns out to be gone. Whatever fails after that is
    /// tried again after 1, 2, 4 ... 30 seconds: all copies for the target wait together, so that what is broken is asked
    /// once in a while and not once for each message.
    struct StateMachine<Copy> {
        /// What is to be done.
        enum Action {
            /// Publish these.
            case publish([Copy], CopyTarget)
            /// Declare the target, then say how that went.
            case declare(CopyTarget)
            /// Say so after that time. `failures` times in a row it has failed.
            case wait(CopyTarget, Duration, failures: Int)
            /// Give the originals back to their queue.
            case giveBack([Copy])
        }

        /// Why copies did not reach their target.
        enum Obstacle {
            /// It does not exist.
            case missing
            /// Anything else: it is full, the broker is away.
            case other
        }

        private enum Phase { case open, declaring, waiting }

        private struct Target {
            var phase = Phase.open
            var needsDeclaration: Bool
            var failures = 0
            /// Whether copies had to wait since the last one that was published.
            var isBlocked = false
            var copies: [Copy] = []
        }

        private enum Ending { case stopping, killed }

        private var targets: [CopyTarget: Target] = [:]
        private var ending: Ending?

        /// A copy is to be published.
        mutating func submit(_ copy: Copy, to target: CopyTarget) -> Action? {
            if self.ending == .killed { return .giveBack([copy]) }
            var state = self.targets[target] ?? Target(needsDeclaration: target.isDeclaredFirst)
            defer { self.targets[target] = state }
            switch state.phase {
            case .open where !state.needsDeclaration: return .publish([copy], target)
            case .open:
                state.copies.append(copy)
                state.phase = .declaring
                return .declare(target)
            case .declaring, .waiting:
                state.copies.append(copy)
                return nil
            }
        }

        /// The target was declared.
        mutating func declared(_ target: CopyTarget) -> Action? {
            guard self.targets[target]?.phase == .declaring else { return nil }
            self.targets[target]?.needsDeclaration = false
            return self.open(target)
        }

        /// The target could not be declared.
        mutating func couldNotDeclare(_ target: CopyTarget) -> Action? {
            guard self.targets[target]?.phase == .declaring else { return nil }
            return self.pause(target)
        }

        /// The broker has confirmed a copy.
        ///
        /// - Returns: Whether copies had to wait before, so that their way is found again.
        @discardableResult
        mutating func published(to target: CopyTarget) -> Bool {
            defer {
                self.targets[target]?.failures = 0
                self.targets[target]?.isBlocked = false
            }
            return self.targets[target]?.isBlocked ?? false
        }

        /// The broker did not take a copy.
        mutating func couldNotPublish(_ copy: Copy, to target: CopyTarget, _ obstacle: Obstacle) -> Action? {
            if self.ending == .killed { return .giveBack([copy]) }
            guard var state = self.targets[target] else { return .giveBack([copy]) }
            state.copies.append(copy)
            if obstacle == .missing { state.needsDeclaration = true }
            guard state.phase == .open else {
                self.targets[target] = state
                return nil
            }
            guard obstacle == .missing, state.failures == 0 else {
                self.targets[target] = state
                return self.pause(target)
            }
            state.failures = 1
            state.phase = .declaring
            self.targets[target] = state
            return .declare(target)
        }

        /// The time to wait has passed.
        mutating func due(_ target: CopyTarget) -> Action? {
            guard let state = self.targets[target], state.phase == .waiting else { return nil }
            guard state.needsDeclaration else { return self.open(target) }
            self.targets[target]?.phase = .declaring
            return .declare(target)
        }

        /// The container stops: what is under way may end, what fails now is given back.
        mutating func stop() -> Action? {
            self.ending = self.ending ?? .stopping
            return self.giveBack { $0.phase == .waiting }
        }

        /// Nobody declares any more: what is not under way is given back.
        mutating func kill() -> Action? {
            self.ending = .killed
            return self.giveBack { _ in true }
        }

        private mutating func open(_ target: CopyTarget) -> Action? {
            self.targets[target]?.phase = .open
            return self.take(target).map { .publish($0, target) }
        }

        private mutating func pause(_ target: CopyTarget) -> Action? {
            guard self.ending == nil else {
                self.targets[target]?.phase = .open
                return self.take(target).map { .giveBack($0) }
            }
            let failures = (self.targets[target]?.failures ?? 0) + 1
            self.targets[target]?.failures = failures
            self.targets[target]?.phase = .waiting
            self.targets[target]?.isBlocked = true
            return .wait(target, UnsettledPublishes.pause(after: failures), failures: failures)
        }

        private mutating func take(_ target: CopyTarget) -> [Copy]? {
            guard let copies = self.targets[target]?.copies, !copies.isEmpty else { return nil }
            self.targets[target]?.copies = []
            return copies
        }

        private mutating func giveBack(where isGivenBack: (Target) -> Bool) -> Action? {
            var copies: [Copy] = []
            for (target, state) in self.targets where isGivenBack(state) {
                copies += state.copies
                self.targets[target]?.copies = []
                self.targets[target]?.phase = .open
            }
            return copies.isEmpty ? nil : .giveBack(copies)
        }
    }
}

extension Settler.StateMachine.Action: Equatable where Copy: Equatable {}
