/// Where the ids of calls, requests and instances come from.
package enum IDSource: Sendable {
    /// Random UUIDs, as nameko's are.
    case random
    /// Numbers, counted from 0 for each purpose: a run that does the same has the same ids.
    case numbered(Numbers)

    /// Numbers for all processes of one test.
    package final class Numbers: Sendable {
        private let counts = Locked<[String: Int]>([:])

        package init() {}

        func next(for purpose: String) -> String {
            let count = self.counts.withLock { counts in
                defer { counts[purpose, default: 0] += 1 }
                return counts[purpose, default: 0]
            }
            return "\(count)"
        }
    }

    /// The id of a call: `<name>.<uuid4>`, or `<name>.<number of this name's call>`.
    func callID(of service: String, _ entrypoint: String) -> String {
        switch self {
        case .random: return "\(service).\(entrypoint).\(uuid4())"
        case .numbered(let numbers):
            let name = "\(service).\(entrypoint)"
            return "\(name).\(numbers.next(for: name))"
        }
    }

    /// What ties a reply to its request.
    func correlationID() -> String { self.id(for: "correlation id") }

    /// The id of a message that its publisher has given none.
    func messageID() -> String {
        switch self {
        case .random: uuid4()
        case .numbered(let numbers): "copy-\(numbers.next(for: "copy"))"
        }
    }

    /// The routing key of a process's replies.
    func replyTo() -> String { self.id(for: "reply to") }

    /// What tells the instances of `service` apart.
    func identifier(ofInstanceOf service: String) -> String {
        switch self {
        case .random: uuid4Hex()
        case .numbered: self.id(for: "instance of \(service)")
        }
    }

    private func id(for purpose: String) -> String {
        switch self {
        case .random: uuid4()
        case .numbered(let numbers): numbers.next(for: purpose)
        }
    }
}
