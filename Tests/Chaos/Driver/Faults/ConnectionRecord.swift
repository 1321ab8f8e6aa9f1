import ChaosLedger

/// What a proxy has seen of one connection.
struct ConnectionRecord: Sendable {
    /// What a process uses a connection for: it has one of each.
    enum Kind: String, Hashable, Sendable {
        case publishing
        case consuming
    }

    let accepted: Instant
    /// Where no confirms are asked for it is for consuming, though there may be nothing to consume.
    var kind = Kind.consuming
    /// When the broker had answered `connection.open`, then the first `confirm.select`, or `basic.consume` for the last time.
    var ready: Instant?
    /// How often the broker has answered `basic.consume`.
    var consumers = 0
    /// When the client closed it, or was told that it is closed.
    var ended: Instant?
    var cut: Cut?
    var cutAt: Instant?

    mutating func note(_ method: UInt32, at time: Instant) {
        switch WireMethod(rawValue: method) {
        case .confirmSelectOk:
            // A channel may be replaced later.
            if self.kind != .publishing { self.ready = time }
            self.kind = .publishing
        case .connectionOpenOk: self.ready = time
        case .basicConsumeOk:
            self.ready = time
            self.consumers += 1
        default: break
        }
    }

    /// Whether ``kind`` says what it is for. One that is cut in its first moments has not asked for confirms, whatever it is for.
    var isKindKnown: Bool {
        guard self.kind == .consuming, self.consumers == 0, let cutAt = self.cutAt else { return true }
        return self.ready.map { cutAt - $0 > Self.longestSilence } ?? false
    }

    /// How long after its login a connection for publishing may wait before it asks for confirms.
    private static let longestSilence = Duration.seconds(1)

    /// Whether it works, as far as a proxy can see.
    var isAlive: Bool { self.ready != nil && self.ended == nil && self.cut == nil }
}

/// How long a process took after a connection was cut.
struct Recovery: Sendable {
    let cut: Cut
    let kind: ConnectionRecord.Kind
    /// Until it connected again: it had seen the loss, and waited its backoff.
    let reconnected: Duration
    /// Until it published or consumed again.
    let ready: Duration
    /// How many consumers there were then.
    let consumers: Int
    let cutAt: Instant
}

extension [ConnectionRecord] {
    /// The recoveries of connections that were ready when they were cut, and that were followed by another one that lived
    /// long enough to be ready.
    var recoveries: [Recovery] {
        self.compactMap { record in
            guard let cut = record.cut, let cutAt = record.cutAt, record.ready != nil, record.isKindKnown else {
                return nil
            }
            // A second cut while it recovers makes a longer recovery of another kind.
            let following = self.filter { $0.accepted > cutAt }.sorted { $0.accepted < $1.accepted }
            guard let next = following.first(where: { $0.kind == record.kind && $0.isKindKnown }),
                let ready = next.ready,
                !following.contains(where: {
                    $0.accepted < next.accepted && $0.cutAt.map { $0 < next.accepted } == true
                })
            else { return nil }
            return Recovery(
                cut: cut,
                kind: record.kind,
                reconnected: next.accepted - cutAt,
                ready: ready - cutAt,
                consumers: next.consumers,
                cutAt: cutAt
            )
        }
    }
}
