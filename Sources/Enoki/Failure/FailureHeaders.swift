/// The headers that travel with a message that has failed: on the copy that waits for a retry, and on a dead letter.
package enum FailureHeaders {
    /// How many attempts have been made (integer).
    package static let attempts = "x-enoki-attempts"
    /// When the first of them failed (timestamp).
    package static let firstFailure = "x-enoki-first-failure"
    /// How often a message came back unsettled from a process that may have died of it (integer).
    package static let redeliveries = "x-enoki-redeliveries"
    /// How many of those are not held against it (integer).
    package static let spared = "x-enoki-spared"
    /// Why a message was given up: a ``DeadLetterReason`` (string).
    package static let reason = "x-enoki-reason"
    /// The type of the last error (string).
    package static let errorType = "x-enoki-error-type"
    /// What the last error says, cut and without secrets (string).
    package static let error = "x-enoki-error"
    /// When a message was given up (timestamp).
    package static let lastFailure = "x-enoki-last-failure"
    /// The id of the last call, by which the log knows it (string); absent where none was made.
    package static let callID = "x-enoki-call-id"
    /// The service that gave it up (string).
    package static let service = "x-enoki-service"
    /// The entrypoint that gave it up (string).
    package static let entrypoint = "x-enoki-entrypoint"
    /// The host on which it was given up (string).
    package static let host = "x-enoki-host"
    /// The queue that it was consumed from (string).
    package static let queue = "x-enoki-queue"
    /// The exchange that it was published to at first (string).
    package static let exchange = "x-enoki-exchange"
    /// The routing key that it was published with at first (string).
    package static let routingKey = "x-enoki-routing-key"
    /// The user that published it at first, as the broker has checked (string). The copy is published by another.
    package static let userID = "x-enoki-user-id"

    /// The names of all of them.
    package static let names = [
        Self.attempts, Self.firstFailure, Self.redeliveries, Self.spared, Self.reason, Self.errorType, Self.error,
        Self.lastFailure, Self.callID, Self.service, Self.entrypoint, Self.host, Self.queue, Self.exchange,
        Self.routingKey,
        Self.userID,
    ]

    /// Whether `name` is one of them.
    static func contains(_ name: String) -> Bool { Self.names.contains { name.hasSameBytes(as: $0) } }

    /// The number of the attempt that `headers` came with, counted from 1 and never more than `limit`.
    ///
    /// The header may be forged: what is no number of attempts counts as all but the last, so that nobody can have a message
    /// tried for ever, and more attempts than there are count as all but the last, too.
    package static func attempt(in headers: Headers, limit: Int) -> Int {
        guard let made = Self.attemptsMade(in: headers) else { return 1 }
        return made < Int64(limit) ? Int(made) + 1 : max(limit, 1)
    }

    /// How many attempts have been made, as `headers` say; what is no number of attempts is more than any limit.
    static func attemptsMade(in headers: Headers) -> Int64? {
        headers[Self.attempts].map { value in value.integerValue.flatMap { $0 < 0 ? nil : $0 } ?? .max }
    }

    /// The exchange, the routing key or the user in `headers`, which the broker writes as a short string: what is longer is none.
    static func name(_ header: String, in headers: Headers) -> String? {
        headers[header]?.stringValue.flatMap { $0.utf8.count > 255 ? nil : $0 }
    }

    /// Those of `headers` that a copy may carry on. What a broker or a publisher wrote for one way through the broker would
    /// send the copy to queues of a stranger's choice (`CC`, `BCC`) or count as deaths of its own (`x-death`).
    package static func carriedOn(_ headers: Headers) -> Headers {
        var carried = Headers()
        for header in headers where !Self.belongsToOneWay(header.name) { carried.append(header.name, header.value) }
        return carried
    }

    private static func belongsToOneWay(_ name: String) -> Bool {
        name.isEmpty || Self.ofOneWay.contains { name.hasSameBytes(as: $0) }
    }

    private static let ofOneWay = [
        "CC", "BCC", "x-death",
        "x-first-death-exchange", "x-first-death-queue", "x-first-death-reason",
        "x-last-death-exchange", "x-last-death-queue", "x-last-death-reason",
    ]
}
