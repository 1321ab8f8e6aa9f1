import DequeModule

extension Redeliveries {
    /// Knows what this process has had to do with the messages of a queue, and decides by that what a delivery is.
    ///
    /// When a channel is lost, the broker takes back what was unsettled on it and delivers it again. Each of the calls that
    /// stand for those deliveries can be found once, by the identity of its message, and only while its own channel is gone:
    /// two messages that look the same are never taken for one.
    struct StateMachine {
        /// Which call of those whose messages look the same.
        typealias Number = UInt64
        typealias Action = @Sendable () -> Void

        /// What a delivery is.
        enum Arrival {
            /// To be worked on, under this number.
            case toWork(Number, Origin)
            /// That of a call which is under way, whose outcome will settle it; these waited for it.
            case joins([Action])
            /// That of a call which has ended, and whose answer was lost with its channel.
            case isDone(Acknowledgement)
        }

        private struct Call {
            let number: Number
            /// The newest delivery's; `nil` when it has ended and its channel is gone, of which nothing is to be kept.
            var token: DeliveryToken?
            /// How it was settled.
            var answer: Acknowledgement?
            /// When, by the clock of the process.
            var ended = Duration.zero
            /// What is to be done when the message is delivered again.
            var waiting: [Action] = []
            /// How many channels had been lost when that began to wait.
            var losses = 0

            /// Whether the message can be delivered again to somebody, since this channel is gone.
            var isStale: Bool { self.token?.isHeld != true }
        }

        private var calls: [MessageIdentity: [Call]] = [:]
        private var next: Number = 0
        private var newest: DeliveryToken?
        /// The calls that no channel bounds, since they have ended or wait for a message that others may have got.
        private var remembered: Deque<(MessageIdentity, Number)> = []
        private let capacity: Int
        private let prefetch: Int
        /// How many deliveries may have been on their way when the last channel was lost, and never got here.
        private var unseen = 0
        /// How many unknown redeliveries have come, without a first delivery between them.
        private var unknownInRow = 0
        /// How many channels were lost.
        private var losses = 0
        /// What is kept no longer: it ends outside of the lock, since its end may call back.
        private var dropped: [DeliveryToken] = []
        private var forgotten: [Action] = []

        /// - Parameters:
        ///   - capacity: How many calls are remembered that have ended; the oldest are forgotten first.
        ///   - prefetch: How many deliveries may be unsettled on a channel.
        init(capacity: Int, prefetch: Int) {
            self.capacity = capacity
            self.prefetch = prefetch
        }

        /// How long after a call its answer may still be on its way: after that an equal message is another one, such as a dead
        /// letter that was replayed twice, and a duplicate is better than a loss.
        private static let timeToAnswer = Duration.seconds(60)

        /// A message was delivered.
        mutating func arrive(
            _ identity: MessageIdentity,
            _ token: DeliveryToken,
            redelivered: Bool,
            at now: Duration
        ) -> Arrival {
            self.noteChannel(of: token)
            guard redelivered else {
                self.unknownInRow = 0
                // Its publisher says the same again: what has ended says nothing of what comes again now.
                self.forget(identity) { $0.answer != nil && $0.answer != .requeue }
                return self.work(identity, token, .first)
            }
            self.forget(identity) {
                $0.answer != nil && $0.answer != .requeue && $0.isStale && now - $0.ended > Self.timeToAnswer
            }
            let calls = self.calls[identity] ?? []
            if let index = calls.firstIndex(where: { $0.answer == nil && $0.isStale }) {
                self.drop(calls[index].token)
                self.calls[identity]?[index].token = token
                self.calls[identity]?[index].waiting = []
                return .joins(calls[index].waiting)
            }
            if let index = calls.firstIndex(where: { $0.answer == .requeue }) {
                self.remove(identity, index)
                return self.work(identity, token, .ours)
            }
            if let index = calls.firstIndex(where: { $0.answer != nil && $0.isStale }) {
                if identity.isUnique, let answer = calls[index].answer {
                    self.drop(calls[index].token)
                    self.calls[identity]?[index].token = token
                    return .isDone(answer)
                }
                self.remove(identity, index)
                return self.work(identity, token, .ours)
            }
            return self.work(identity, token, self.originOfUnknown())
        }

        /// Where a redelivery comes from whose message was never here.
        ///
        /// After a crash of its own RabbitMQ 3.10 marks all that was in a classic queue as redelivered
        /// (`rabbit_queue_index:recover_message`), while processes that died had no more than their prefetch, which stands at
        /// the head of the queue. So only the first in a row are taken for those. What is taken for our own is not counted:
        /// should this process die of it, it is among the first of the next one.
        private mutating func originOfUnknown() -> Origin {
            if self.unseen > 0 {
                self.unseen -= 1
                return .ours
            }
            self.unknownInRow += 1
            return self.unknownInRow > 2 * max(self.prefetch, Self.leastPrefetch) ? .ours : .others
        }

        /// Of processes that may have died.
        private static let leastPrefetch = 20

        /// A call has settled its delivery.
        ///
        /// - Returns: The token to settle it with; `nil` when it has none any more.
        mutating func settle(
            _ identity: MessageIdentity,
            _ number: Number,
            _ answer: Acknowledgement,
            at now: Duration
        ) -> DeliveryToken? {
            guard let index = self.index(identity, number) else { return nil }
            self.calls[identity]?[index].answer = answer
            self.calls[identity]?[index].ended = now
            self.remember(identity, number)
            return self.calls[identity]?[index].token
        }

        /// Why the broker takes no answer of the call now; `nil` when it does.
        func loss(_ identity: MessageIdentity, _ number: Number) -> DeliveryToken.Loss? {
            guard let call = self.calls[identity]?.first(where: { $0.number == number }), let token = call.token else {
                return .returned
            }
            return token.loss
        }

        /// The call has an outcome that cannot settle its delivery before the message is delivered again.
        ///
        /// - Returns: Whether it was meanwhile, so that `action` is to be done now.
        mutating func wait(_ identity: MessageIdentity, _ number: Number, _ action: @escaping Action) -> Bool {
            guard let index = self.index(identity, number), let call = self.calls[identity]?[index] else {
                return false
            }
            guard call.isStale else { return true }
            self.calls[identity]?[index].waiting.append(action)
            self.calls[identity]?[index].losses = self.losses
            self.remember(identity, number)
            return false
        }

        /// Forgets what is more than is remembered.
        ///
        /// - Returns: All that is kept no longer, to be let go outside of any lock: its end may call back.
        mutating func forgetOldest() -> ([Action], [DeliveryToken]) {
            while self.remembered.count > self.capacity {
                let (identity, number) = self.remembered.removeFirst()
                guard let index = self.index(identity, number), let call = self.calls[identity]?[index] else {
                    continue
                }
                // One that was joined since then runs on.
                guard call.answer != nil || !call.waiting.isEmpty else { continue }
                self.remove(identity, index)
            }
            defer { (self.forgotten, self.dropped) = ([], []) }
            return (self.forgotten, self.dropped)
        }

        private mutating func forget(_ identity: MessageIdentity, where isForgotten: (Call) -> Bool) {
            while let index = self.calls[identity]?.firstIndex(where: isForgotten) { self.remove(identity, index) }
        }

        private mutating func remove(_ identity: MessageIdentity, _ index: Int) {
            guard let call = self.calls[identity]?.remove(at: index) else { return }
            self.forgotten += call.waiting
            self.drop(call.token)
            if self.calls[identity]?.isEmpty == true { self.calls[identity] = nil }
        }

        private mutating func drop(_ token: DeliveryToken?) { if let token { self.dropped.append(token) } }

        /// With the first delivery of a new channel those of the old one are let go.
        private mutating func noteChannel(of token: DeliveryToken) {
            defer { self.newest = token }
            guard let newest = self.newest, !newest.isHeld else { return }
            self.unseen = self.prefetch
            self.losses += 1
            for (identity, number) in self.remembered {
                guard let index = self.index(identity, number), let call = self.calls[identity]?[index] else {
                    continue
                }
                // Through a whole life of a channel the message has not come: somebody else has it.
                if !call.waiting.isEmpty, call.isStale, self.losses - call.losses > 1 {
                    self.remove(identity, index)
                } else if call.answer != nil, call.isStale {
                    self.drop(call.token)
                    self.calls[identity]?[index].token = nil
                }
            }
        }

        private mutating func work(
            _ identity: MessageIdentity,
            _ token: DeliveryToken,
            _ origin: Origin
        ) -> Arrival {
            self.next &+= 1
            self.calls[identity, default: []].append(Call(number: self.next, token: token))
            return .toWork(self.next, origin)
        }

        private func index(_ identity: MessageIdentity, _ number: Number) -> Int? {
            self.calls[identity]?.firstIndex { $0.number == number }
        }

        private mutating func remember(_ identity: MessageIdentity, _ number: Number) {
            self.remembered.append((identity, number))
        }
    }
}
