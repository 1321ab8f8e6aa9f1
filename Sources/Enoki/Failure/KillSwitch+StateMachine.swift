import DequeModule

extension KillSwitch {
    /// Decides which calls may begin; performs no I/O and knows no clock.
    struct StateMachine<ID: Hashable> {
        /// What follows from the end of a call.
        enum Action: Hashable {
            case none
            /// No call begins for so long; then ``StateMachine/pauseEnded()``. So many calls failed, of so many.
            case pause(Duration, failed: Int, of: Int)
            /// The try has failed: again no call begins for so long.
            case pauseAgain(Duration)
            /// One call may begin, for a try.
            case tryNext
            /// All may begin that wait.
            case goOn
        }

        private enum Phase: Equatable {
            case on, paused
            /// One call tells whether to go on; `nil` while none has come.
            case trying(ID?)
        }

        /// The calls that ended in a part of the window.
        private struct Bucket {
            let start: Duration
            var failed = 0
            var calls = 0
        }

        private let settings: KillSwitch
        private var phase = Phase.on
        private var buckets: Deque<Bucket> = []
        /// How many pauses there were in a row.
        private var pauses = 0

        private static var bucketsInWindow: Int { 10 }

        init(_ settings: KillSwitch) { self.settings = settings }

        /// Whether a call may begin now. One that may while it tries is the try, and may whenever it is asked again.
        mutating func begin(_ id: ID) -> Bool {
            switch self.phase {
            case .on: return true
            case .trying(nil):
                self.phase = .trying(id)
                return true
            case .trying(let tried): return tried == id
            case .paused: return false
            }
        }

        /// A call has ended.
        ///
        /// - Parameter failed: Whether it failed; `nil` where its end says nothing, such as that of one that was cancelled.
        mutating func ended(_ id: ID, failed: Bool?, at now: Duration) -> Action {
            switch self.phase {
            // One that had begun before.
            case .paused: return .none
            case .trying(let tried):
                guard tried == id else { return .none }
                switch failed {
                case true?: return .pauseAgain(self.pause())
                case false?:
                    self.phase = .on
                    self.pauses = 0
                    return .goOn
                case nil:
                    self.phase = .trying(nil)
                    return .tryNext
                }
            case .on:
                guard let failed else { return .none }
                return self.count(failed, at: now)
            }
        }

        /// A pause is over: the next call is a try.
        mutating func pauseEnded() { if self.phase == .paused { self.phase = .trying(nil) } }

        private mutating func count(_ failed: Bool, at now: Duration) -> Action {
            while let first = self.buckets.first, now - first.start > self.settings.window {
                self.buckets.removeFirst()
            }
            let length = self.settings.window / Self.bucketsInWindow
            if self.buckets.last.map({ now - $0.start >= length }) ?? true { self.buckets.append(Bucket(start: now)) }
            self.buckets[self.buckets.count - 1].calls += 1
            if failed { self.buckets[self.buckets.count - 1].failed += 1 }
            let calls = self.buckets.reduce(0) { $0 + $1.calls }
            let failures = self.buckets.reduce(0) { $0 + $1.failed }
            guard failed, calls >= self.settings.calls, Double(failures) > Double(calls) * self.settings.threshold
            else {
                return .none
            }
            return .pause(self.pause(), failed: failures, of: calls)
        }

        /// Begins a pause, and says how long it is.
        private mutating func pause() -> Duration {
            self.phase = .paused
            self.buckets = []
            defer { self.pauses += 1 }
            return min(self.settings.pause * (1 << min(self.pauses, 20)), self.settings.longestPause)
        }
    }
}
