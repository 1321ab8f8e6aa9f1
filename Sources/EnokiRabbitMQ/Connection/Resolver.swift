import EnokiBroker

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Finds the addresses of hosts. The system's resolver knows no deadline, so it is asked on a thread of its own.
///
/// One that does not answer has no more than one thread for each host: who asks again waits for the same answer. An answer that
/// nobody waits for any more is dropped.
final class Resolver: Sendable {
    /// Why there is no address.
    struct Failure: Error {
        var reason: String
    }

    /// Finds the numeric addresses of a host; it may block for ever.
    typealias LookUp = @Sendable (_ host: String) -> Result<[String], Failure>
    private typealias Answer = Locked<Result<[String], Failure>?>

    private let waker: Waker
    private let lookUp: LookUp
    /// Those that are looked up, by host.
    private let answers = Locked<[String: Answer]>([:])

    /// - Parameter waker: Of the thread that asks.
    init(waker: Waker, lookUp: @escaping LookUp = Resolver.askSystem) {
        self.waker = waker
        self.lookUp = lookUp
    }

    /// The numeric addresses of `host`. It blocks.
    func addresses(of host: String, within time: Duration) throws(Failure) -> [String] {
        if NumericAddress(host) != nil { return [host] }
        let deadline = ContinuousClock.now + time
        let answer = try self.ask(host)
        while true {
            if let result = answer.withLock({ $0 }) { return try result.get() }
            let left = ContinuousClock.now.duration(to: deadline)
            guard left > .zero else { throw Failure(reason: "the resolver has not answered in time") }
            self.waker.sleep(for: left)
        }
    }

    private func ask(_ host: String) throws(Failure) -> Answer {
        let (answer, isNew) = self.answers.withLock { answers in
            if let known = answers[host] { return (known, false) }
            let answer = Answer(nil)
            answers[host] = answer
            return (answer, true)
        }
        guard isNew else { return answer }
        let isAsked = OwnThread.start(stackSize: 1024 * 1024) {
            let result = self.lookUp(host)
            // Who asks from here on wants a newer one.
            self.answers.withLock { $0[host] = nil }
            answer.withLock { $0 = result }
            self.waker.wake()
        }
        guard isAsked else {
            self.answers.withLock { $0[host] = nil }
            throw Failure(reason: "the system has no thread left for the resolver")
        }
        return answer
    }

    /// Asks the system, by `getaddrinfo`.
    @Sendable static func askSystem(_ host: String) -> Result<[String], Failure> {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        #if os(Linux)
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        #else
        hints.ai_socktype = SOCK_STREAM
        #endif
        var list: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host, nil, &hints, &list)
        guard status == 0 else { return .failure(Failure(reason: String(cString: gai_strerror(status)))) }
        defer { freeaddrinfo(list) }
        var addresses: [String] = []
        var next = list
        while let entry = next {
            var text = [CChar](repeating: 0, count: 1025)
            let found = getnameinfo(
                entry.pointee.ai_addr,
                entry.pointee.ai_addrlen,
                &text,
                socklen_t(text.count),
                nil,
                0,
                NI_NUMERICHOST
            )
            if found == 0 {
                addresses.append(String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self))
            }
            next = entry.pointee.ai_next
        }
        return .success(addresses)
    }
}
