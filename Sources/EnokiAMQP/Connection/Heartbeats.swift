import NIOCore

/// Sends heartbeats on a connection on which nothing else is sent, and notices when nothing comes (AMQP 0-9-1 §4.2.7).
///
/// As RabbitMQ does it looks every half interval whether something was sent, and every interval whether something came; the
/// second time that nothing did, the client is gone.
final class Heartbeats {
    private var hasSent = false
    private var hasReceived = false
    private var silentCount = 0
    private var tasks: [RepeatedTask] = []
    /// Whether silence is no sign: nothing is read.
    var isPatient = false

    init(
        every interval: TimeAmount,
        on eventLoop: any EventLoop,
        send: @escaping @Sendable () -> Void,
        onSilence: @escaping @Sendable () -> Void
    ) {
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        let half = TimeAmount.nanoseconds(interval.nanoseconds / 2)
        self.tasks = [
            eventLoop.scheduleRepeatedTask(initialDelay: half, delay: half) { _ in
                if bound.value.isDue() {
                    send()
                    // A heartbeat does not put off the next one.
                    bound.value.hasSent = false
                }
            },
            eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
                if bound.value.isSilent() { onSilence() }
            },
        ]
    }

    /// Something is being sent.
    func noteSent() { self.hasSent = true }

    /// Something has come.
    func noteReceived() { self.hasReceived = true }

    /// Ends the heartbeats.
    func stop() {
        for task in self.tasks { task.cancel() }
        self.tasks = []
    }

    private func isDue() -> Bool {
        defer { self.hasSent = false }
        return !self.hasSent
    }

    private func isSilent() -> Bool {
        defer { self.hasReceived = false }
        guard !self.hasReceived, !self.isPatient else {
            self.silentCount = 0
            return false
        }
        self.silentCount += 1
        return self.silentCount > 1
    }
}
