/// What is known of a message that was given up: the headers of a message in a queue of dead letters, both ways.
package struct DeadLetter: Sendable, Hashable {
    /// Why it was given up.
    package var reason: DeadLetterReason
    /// The type of the last error.
    package var errorType: String
    /// What the last error says.
    package var error: String
    /// How many attempts were made.
    package var attempts: Int
    /// When the first of them failed, in seconds since 1970.
    package var firstFailure: UInt64
    /// When it was given up, in seconds since 1970.
    package var lastFailure: UInt64
    /// The id of the last call, by which the log knows it; empty where none was made.
    package var callID: String
    /// The service that gave it up.
    package var service: String
    /// The entrypoint that gave it up.
    package var entrypoint: String
    /// The host on which it was given up.
    package var host: String
    /// The queue that it was consumed from.
    package var queue: String
    /// The exchange that it was published to at first.
    package var exchange: String
    /// The routing key that it was published with at first.
    package var routingKey: String

    package init(
        reason: DeadLetterReason,
        errorType: String,
        error: String,
        attempts: Int,
        firstFailure: UInt64,
        lastFailure: UInt64,
        callID: String = "",
        service: String,
        entrypoint: String,
        host: String,
        queue: String,
        exchange: String,
        routingKey: String
    ) {
        self.reason = reason
        self.errorType = errorType
        self.error = error
        self.attempts = attempts
        self.firstFailure = firstFailure
        self.lastFailure = lastFailure
        self.callID = callID
        self.service = service
        self.entrypoint = entrypoint
        self.host = host
        self.queue = queue
        self.exchange = exchange
        self.routingKey = routingKey
    }

    /// Reads the headers of a dead letter; `nil` for a message without a known reason. What else is missing, or is of
    /// another type, is empty or zero.
    package init?(_ headers: Headers) {
        func text(_ name: String) -> String { headers[name]?.stringValue ?? "" }
        func time(_ name: String) -> UInt64 {
            if case .timestamp(let seconds) = headers[name] { seconds } else { 0 }
        }
        guard let reason = DeadLetterReason(rawValue: text(FailureHeaders.reason)) else { return nil }
        self.init(
            reason: reason,
            errorType: text(FailureHeaders.errorType),
            error: text(FailureHeaders.error),
            attempts: Int(clamping: max(headers[FailureHeaders.attempts]?.integerValue ?? 0, 0)),
            firstFailure: time(FailureHeaders.firstFailure),
            lastFailure: time(FailureHeaders.lastFailure),
            callID: text(FailureHeaders.callID),
            service: text(FailureHeaders.service),
            entrypoint: text(FailureHeaders.entrypoint),
            host: text(FailureHeaders.host),
            queue: text(FailureHeaders.queue),
            exchange: text(FailureHeaders.exchange),
            routingKey: text(FailureHeaders.routingKey)
        )
    }

    /// The headers that say it.
    package var headers: Headers {
        var headers: Headers = [
            FailureHeaders.reason: .string(self.reason.rawValue),
            FailureHeaders.errorType: .string(self.errorType),
            FailureHeaders.error: .string(self.error),
            FailureHeaders.attempts: .int64(Int64(self.attempts)),
            FailureHeaders.firstFailure: .timestamp(self.firstFailure),
            FailureHeaders.lastFailure: .timestamp(self.lastFailure),
            FailureHeaders.service: .string(self.service),
            FailureHeaders.entrypoint: .string(self.entrypoint),
            FailureHeaders.host: .string(self.host),
            FailureHeaders.queue: .string(self.queue),
            FailureHeaders.exchange: .string(self.exchange),
            FailureHeaders.routingKey: .string(self.routingKey),
        ]
        if !self.callID.isEmpty { headers[FailureHeaders.callID] = .string(self.callID) }
        return headers
    }
}
