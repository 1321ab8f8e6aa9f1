import Dispatch
import EnokiBroker
import EnokiInProcess
import EnokiTestSupport
import Testing

@testable import EnokiAMQP

/// Hostile clients over sockets, next to one that behaves.
@Suite(.timeLimit(.minutes(5))) struct HostileSocketTests {
    @Test func mutatedSessionsDisturbNobody() async throws {
        let broker = InProcessBroker()
        let empty = broker.holdings
        try await AMQPServerTests.withServer([broker]) { port in
            let connection = try await AMQPPortClient.connect(port)
            let channel = try await connection.openChannel()
            _ = try await channel.call(.confirmSelect)
            _ = try await channel.call(.queueDeclare(Queue("well-behaved", exclusive: true)))
            for seed in 1...300 as ClosedRange<UInt64> {
                let client = try WireClient(port: port.number)
                for write in SessionMutation(seed: seed).writes where !client.send(write) { break }
                client.disconnect()
                guard seed.isMultiple(of: 10) else { continue }
                _ = try await channel.call(.basicPublish(Message("\(seed)"), to: "", key: "well-behaved"))
                _ = try await channel.events.next("a confirm") { if case .acked = $0 { true } else { nil } }
                guard case .message(let delivery, _) = try await channel.call(.basicGet("well-behaved", noAck: true))
                else {
                    Issue.record("ENOKI_TEST_SEEDS=\(seed): the message is gone")
                    return
                }
                #expect(delivery.message.body == Array("\(seed)".utf8))
            }
            try await connection.close()
            try await eventually("nothing is left of all of them", equals: empty) { broker.holdings }
        }
    }

    @Test func thousandHandshakesThatStopHalfWayAreNoHindrance() async throws {
        var configuration = AMQPConfiguration()
        // It holds for the one that behaves, too, who logs in beside three hundred others.
        configuration.loginTimeout = .seconds(10)
        let broker = InProcessBroker()
        try await AMQPServerTests.withServer([broker], configuration) { port in
            let pieces = ClientSession.login().pieces
            let clients = try (0..<300).map { number in
                let client = try WireClient(port: port.number, reads: false)
                client.send(Array(pieces.prefix(number % 4).flatMap(\.self).dropLast(number % 3)))
                return client
            }
            let connection = try await AMQPPortClient.connect(port)
            let channel = try await connection.openChannel()
            _ = try await channel.call(.queueDeclare(Queue("q")))
            for client in clients { client.read() }
            try await eventually("they are all closed", within: .seconds(60)) { clients.allSatisfy(\.isOver) }
            _ = try await channel.call(.queueDeclare(Queue("q")))
            try await connection.close()
        }
    }

    @Test func whoSendsAndNeverReadsIsStoppedByTheSocket() async throws {
        let broker = InProcessBroker()
        try await AMQPServerTests.withServer([broker]) { port in
            let client = try WireClient(port: port.number, reads: false)
            var session = ClientSession.login()
            session.add(ClientSession.channelOpen, on: 1)
            // Long enough that no buffers of the system take all the answers.
            let queue = Queue(String(repeating: "q", count: 250))
            session.add(.queueDeclare(queue), on: 1)
            client.send(session.bytes)
            let count = 100_000
            let request = ClientSession.frames(.queueDeclare(queue, passive: true), on: 1).flatMap(\.self)
            let requests = (0..<100).flatMap { _ in request }
            let sent = Locked(0)
            // On a thread of its own: it blocks, and the threads of tasks are few.
            DispatchQueue(label: "sends and never reads").async {
                for _ in 0..<count / 100 {
                    client.send(requests)
                    sent.withLock { $0 += 100 }
                }
            }
            // It is stopped when what it has sent does not change any more, for longer than a thread stands still on a busy machine.
            var last = 0
            try await eventually("it cannot send any more") {
                last = sent.withLock { $0 }
                guard last > 0 else { return false }
                try await Task.sleep(for: .seconds(4))
                return sent.withLock { $0 } == last
            }
            #expect(last < count)
            client.read()
            try await eventually("it has sent all", equals: count, within: .seconds(120)) { sent.withLock { $0 } }
            try await eventually("all is answered", equals: count + 5, within: .seconds(120)) {
                client.bytes.count >= count * 270 ? client.methods.count : 0
            }
        }
    }
}
