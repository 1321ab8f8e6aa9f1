/// The publishes that deliveries of a container wait for: replies, and the copies of failed messages.
///
/// A delivery is not settled before they are confirmed. A container that must end gives up what is not confirmed in time: then
/// it settles its deliveries as well as it can.
final class UnsettledPublishes: Sendable {
    private enum Ending: Comparable { case none, stopping, givenUp }

    private struct UnderWay {
        /// When it ends early, and how.
        let endsWhen: Ending
        var end: @Sendable () -> Void = {}
    }

    private struct State {
        var ending = Ending.none
        var nextNumber: UInt64 = 0
        var underWay: [UInt64: UnderWay] = [:]
    }

    private let broker: any Broker
    private let timers: TimerQueue
    private let state = Locked(State())

    init(broker: any Broker, timers: TimerQueue) {
        self.broker = broker
        self.timers = timers
    }

    /// Whether nothing is tried again any more.
    var isStopping: Bool { self.state.withLock { $0.ending >= .stopping } }

    /// Publishes; `completion` is told once what became of the message.
    func publish(
        _ message: Message,
        to exchange: String,
        routingKey: String,
        options: PublishOptions,
        completion: @escaping @Sendable (Result<Void, BrokerError>) -> Void
    ) {
        guard let number = self.begin(.givenUp) else { return completion(.failure(.cancelledBeforeSending)) }
        let ticket = self.broker.publish(message, to: exchange, routingKey: routingKey, options: options) { result in
            _ = self.remove(number)
            completion(result)
        }
        self.limit(number) { ticket.giveUp() }
    }

    /// Calls `action` once after `delay`, or as soon as nothing is tried again any more.
    func wait(_ delay: Duration, then action: @escaping @Sendable () -> Void) {
        guard let number = self.begin(.stopping) else { return action() }
        let fire: @Sendable () -> Void = { if self.remove(number) { action() } }
        let timer = self.timers.schedule(after: delay, fire)
        self.limit(number) {
            self.timers.cancel(timer)
            fire()
        }
    }

    /// How long what could not be published so many times in a row waits: 1, 2, 4, 8, 16, then 30 seconds.
    static func pause(after failures: Int) -> Duration { .seconds(failures > 5 ? 30 : 1 << max(failures - 1, 0)) }

    /// Tries nothing again any more. What is published may still be confirmed.
    func stop() { self.end(.stopping) }

    /// Waits for nothing any longer, neither for what is under way nor for what comes.
    func giveUp() { self.end(.givenUp) }

    private func end(_ ending: Ending) {
        let ended = self.state.withLock { state in
            state.ending = max(state.ending, ending)
            return state.underWay.filter { $0.value.endsWhen <= ending }.sorted { $0.key < $1.key }
        }
        for (_, underWay) in ended { underWay.end() }
    }

    private func begin(_ endsWhen: Ending) -> UInt64? {
        self.state.withLock { state in
            guard state.ending < endsWhen else { return nil }
            state.nextNumber += 1
            state.underWay[state.nextNumber] = UnderWay(endsWhen: endsWhen)
            return state.nextNumber
        }
    }

    /// What ends that one early: at once where it is too late to wait for it.
    private func limit(_ number: UInt64, _ end: @escaping @Sendable () -> Void) {
        let isTooLate = self.state.withLock { state in
            guard let underWay = state.underWay[number] else { return false }
            state.underWay[number]?.end = end
            return underWay.endsWhen <= state.ending
        }
        if isTooLate { end() }
    }

    /// - Returns: Whether it was under way.
    private func remove(_ number: UInt64) -> Bool {
        self.state.withLock { $0.underWay.removeValue(forKey: number) != nil }
    }
}
