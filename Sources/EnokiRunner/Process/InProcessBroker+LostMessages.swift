import Enoki
import EnokiInProcess
import Logging

extension InProcessBroker {
    /// Logs at its end what goes with it: whoever develops with it looks for a dead letter afterwards.
    func tellsWhatIsLost(_ logger: Logger) -> InProcessBroker {
        self.whenClosed { queues in
            guard !queues.isEmpty else { return }
            let most = 10
            let named = queues.prefix(most).map { "\(Redaction.redacted($0.queue)) (\($0.messages))" }
            logger.warning(
                "the embedded broker ends, and what its queues held is gone",
                metadata: [
                    "messages": "\(queues.reduce(0) { $0 + $1.messages })",
                    "queues": "\(named.joined(separator: ", "))\(queues.count > most ? ", …" : "")",
                ]
            )
        }
        return self
    }
}
