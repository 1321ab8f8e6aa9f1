import EnokiBroker

/// A message that left its queue without being acknowledged, on its way to the queue's dead-letter exchange
/// (<https://www.rabbitmq.com/dlx.html>).
struct DeadLetter: Sendable {
    /// Why it left, in the words of the `x-death` header.
    enum Reason: String, Sendable {
        case expired
        case rejected
        case tooLong = "maxlen"
    }

    let message: PublishedMessage
    let queue: String
    let reason: Reason
    let exchange: String
    /// The queue's `x-dead-letter-routing-key`.
    let routingKey: String?

    /// What it costs to publish, where one with few headers costs 1.
    var work: Int { 1 + self.message.message.properties.headers.weight / 4096 }

    /// The message as it is published to the dead-letter exchange.
    ///
    /// - Parameter time: Seconds since 1970.
    /// - Returns: `nil` where the message came with an `x-death` header that RabbitMQ loses it over.
    func published(at time: UInt64) -> PublishedMessage? {
        var message = self.message.message
        var headers = message.properties.headers
        guard self.record(in: &headers, at: time) else { return nil }
        if self.routingKey != nil { headers["CC"] = nil }
        message.properties.headers = headers.sortedByName
        message.properties.expiration = nil
        return PublishedMessage(
            message,
            exchange: self.exchange,
            routingKeys: self.routingKey.map { [$0] } ?? self.message.routingKeys
        )
    }

    /// The queues that `published` has been in and that nobody has rejected it since: it would go in circles.
    func circle(of published: PublishedMessage) -> Set<ByteName> {
        var queues: Set<ByteName> = []
        for death in published.message.properties.headers["x-death"]?.arrayValue ?? [] {
            guard let death = Death(death), death.reason?.hasSameBytes(as: Reason.rejected.rawValue) != true else {
                break
            }
            if let queue = death.queue { queues.insert(ByteName(queue)) }
        }
        return queues
    }

    /// Puts this death in front of the others that the headers tell of, or counts it where they know its like.
    private func record(in headers: inout Headers, at time: UInt64) -> Bool {
        guard case .array(let values)? = headers["x-death"] else {
            if headers["x-death"] == nil {
                headers["x-first-death-reason"] = .string(self.reason.rawValue)
                headers["x-first-death-queue"] = .string(self.queue)
                headers["x-first-death-exchange"] = .string(self.message.exchange)
            }
            headers["x-death"] = .array([.table(self.death(at: time))])
            return true
        }
        let deaths = values.compactMap { Death($0) }
        guard deaths.count == values.count else { return false }
        var others = Death.grouped(deaths)
        var latest = self.death(at: time)
        let isKnown = { (death: Death) in
            death.queue?.hasSameBytes(as: self.queue) == true
                && death.reason?.hasSameBytes(as: self.reason.rawValue) == true
        }
        if let known = others.firstIndex(where: isKnown) { latest = others.remove(at: known).again }
        headers["x-death"] = .array([.table(latest.sortedByName)] + others.map { .table($0.table) })
        return true
    }

    private func death(at time: UInt64) -> Headers {
        let published = self.message
        let copies = published.message.properties.headers["CC"]?.arrayValue ?? []
        var death: Headers = [
            "count": .int64(1),
            "reason": .string(self.reason.rawValue),
            "queue": .string(self.queue),
            "time": .timestamp(time),
            "exchange": .string(published.exchange),
            "routing-keys": .array([.string(published.routingKey)] + copies.filter { $0.stringValue != nil }),
        ]
        if let expiration = published.message.properties.expiration {
            death["original-expiration"] = .string("\(expiration.wholeMilliseconds)")
        }
        return death
    }
}

/// An element of an `x-death` header, which may come from anybody.
private struct Death {
    /// What deaths are counted by.
    private struct Kind: Hashable {
        let queue: ByteName?
        let reason: ByteName?
    }

    private(set) var table: Headers

    init?(_ value: FieldValue) {
        guard let table = value.tableValue else { return nil }
        self.table = table
    }

    var queue: String? { self.table["queue"]?.stringValue }
    var reason: String? { self.table["reason"]?.stringValue }
    private var kind: Kind { Kind(queue: self.queue.map(ByteName.init), reason: self.reason.map(ByteName.init)) }
    private var count: Int64? { self.table["count"]?.integerValue }

    /// The table once more.
    var again: Headers {
        var table = self.table
        table["count"] = .int64((self.count ?? 0).addingReportingOverflow(1).partialValue)
        return table
    }

    /// One of each queue and reason; turned around, as RabbitMQ does at each death. Where none says how often, as those of
    /// old brokers, it is counted.
    static func grouped(_ deaths: [Death]) -> [Death] {
        var groups: [Death] = []
        var sizes: [Int64] = []
        var indices: [Kind: Int] = [:]
        for death in deaths {
            if let index = indices[death.kind] {
                sizes[index] += 1
            } else {
                indices[death.kind] = groups.count
                groups.append(death)
                sizes.append(1)
            }
        }
        for index in groups.indices where groups[index].table["count"] == nil {
            groups[index].table["count"] = .int64(sizes[index])
        }
        return groups.reversed()
    }
}
