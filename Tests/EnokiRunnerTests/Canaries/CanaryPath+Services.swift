import Enoki
import EnokiInProcess
import EnokiTestSupport
import EnokiTesting

extension CanaryPath {
    /// What goes wrong in the life of a service.
    static let lifecycles: [CanaryPath] = Bank.Stage.allCases.map { stage in
        .each("an address in an error of \(stage)", to: .exit, count: 10) { canary in
            try await Bank.said(by: Bank([canary], failingAt: stage)) { host, _ in
                let text: [String]
                do {
                    let answer: Int = try await host.rpc("bank", timeout: .seconds(5)).ask(
                        order: Bank.Order(fault: nil, canary: 0)
                    )
                    text = ["\(answer)"]
                } catch {
                    text = texts(of: error)
                }
                return text
            }
        }
    }

    /// Calls and events that fail.
    static let calls: [CanaryPath] =
        Bank.Fault.allCases.filter { $0 != .retry }.map { fault in Self.requests("ask", fault) } + [
            Self.requests("expect", .error), Self.requests("insist", .error), Self.requests("insist", .wrapped),
            Self.requests("encode", .error),
        ] + Bank.Fault.allCases.filter { $0 != .retry }.map { Self.events("once", $0, deadLettersOf: "give_up") } + [
            Self.events("twice", .error, deadLettersOf: "keep_on"), Self.events("lost", .error, deadLettersOf: nil),
            .each("a failed expectation", to: .report, count: 25) { canary in
                do {
                    try await withServices(Bank([canary]), patience: .milliseconds(50)) { cluster in
                        let order = Bank.Order(fault: .error, canary: 0)
                        let asked = cluster.expect(Bank.self, "expect")
                        _ = try? await cluster.rpc("bank").ask(order: order) as Int
                        _ = try await asked.value()
                    }
                    return []
                } catch {
                    return texts(of: error)
                }
            },
        ]

    /// An address without its credentials; of a body that cannot be decoded less is said.
    private static func mark(_ fault: Bank.Fault) -> String { fault == .decoding ? "bank" : "://***@" }

    private static func requests(_ method: String, _ fault: Bank.Fault) -> CanaryPath {
        let what = "a request to \(method) that fails by \(fault)"
        return CanaryPath(name: what, sink: .reply, count: 100, mark: self.mark(fault)) { canaries in
            try await Bank.said(by: Bank(canaries)) { host, _ in
                await withTaskGroup(of: [String].self) { group in
                    for index in canaries.indices {
                        group.addTask {
                            do {
                                let order = Bank.Order(fault: fault, canary: index)
                                let answer: Int = try await host.rpc("bank")[method](order: order)
                                return ["no error, but \(answer)"]
                            } catch {
                                return texts(of: error)
                            }
                        }
                    }
                    return await group.reduce(into: []) { $0 += $1 }
                }
            }
        }
    }

    private static func events(_ type: String, _ fault: Bank.Fault, deadLettersOf handler: String?) -> CanaryPath {
        let what = "an event that fails by \(fault), handled \(type)"
        return CanaryPath(name: what, sink: handler == nil ? .log : .deadLetter, count: 100, mark: self.mark(fault)) {
            canaries in
            try await Bank.said(by: Bank(canaries)) { host, server in
                for index in canaries.indices {
                    try await host.dispatch(from: "press", type, Bank.Order(fault: fault, canary: index))
                }
                let queue = "evt-press-\(type)--bank.\(handler ?? "forget")"
                try await eventually("all have failed") {
                    let snapshot = server.snapshot()
                    let rest = snapshot[queue: queue].map { $0.ready.count + $0.unsettledCount } ?? -1
                    return handler.map { _ in snapshot[queue: "\(queue).dead"]?.ready.count } ?? nil == canaries.count
                        || (handler == nil && rest == 0)
                }
                return (server.snapshot()[queue: "\(queue).dead"]?.ready ?? []).map { "\($0.properties)" } + ["handled"]
            }
        }
    }
}
