import EnokiBroker
import EnokiRabbitMQ
import EnokiTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct TopologyTests {
    @Test(arguments: TransportServer.allCases)
    func messagesFollowTheBindings(on server: TransportServer) async throws {
        try await server.withTransport { broker in
            let first = Exchange(.unique("first"), .topic, durable: false, autoDelete: true)
            let second = Exchange(.unique("second"), .fanout, durable: false, autoDelete: true)
            let queue = Queue(.unique("bound"), exclusive: true)
            let toExchange = Binding(from: first.name, to: .exchange(second.name), routingKey: "a.#")
            let topology = Topology(
                exchanges: [first, second, Exchange("", .direct)],
                queues: [queue],
                bindings: [toExchange, Binding(from: second.name, toQueue: queue.name)]
            )
            try await broker.declare(topology)
            try await broker.declare(topology)
            try await broker.publish(Message("1"), to: first.name, routingKey: "a.b")
            try await broker.publish(Message("2"), to: first.name, routingKey: "b.a")
            #expect(try await broker.inspect(queue: queue.name).messageCount == 1)
            #expect(try await broker.purge(queue: queue.name) == 1)
            try await broker.unbind(toExchange)
            try await broker.publish(Message("3"), to: second.name, routingKey: "")
            #expect(try await broker.inspect(queue: queue.name).messageCount == 1)
            try await broker.delete(exchange: second.name)
            try await broker.delete(queue: queue.name)
        }
    }

    @Test(arguments: TransportServer.allCases)
    func deletingWhatIsNotThereIsNoError(on server: TransportServer) async throws {
        try await server.withTransport { broker in
            try await broker.delete(queue: .unique("absent"))
            try await broker.delete(exchange: .unique("absent"))
            try await broker.unbind(Binding(from: .unique("absent"), toQueue: .unique("absent"), routingKey: "x"))
            try await broker.unbind(Binding(from: .unique("absent"), to: .exchange(.unique("absent"))))
        }
    }

    @Test(arguments: TransportServer.allCases)
    func otherArgumentsAreExplained(on server: TransportServer) async throws {
        try await server.withTransport { broker in
            let name = String.unique("inequivalent")
            try await broker.declare(Topology(queues: [Queue(name, exclusive: true, arguments: ["x-max-length": 7])]))
            for (queue, parts) in [
                (Queue(name, exclusive: true), ["x-max-length", "7", "none"]),
                (Queue(name, exclusive: true, arguments: ["x-max-length": 8]), ["x-max-length", "7", "8"]),
                (Queue(name, exclusive: true, autoDelete: true, arguments: ["x-max-length": 7]), ["auto_delete"]),
            ] {
                let error = await #expect(throws: BrokerError.self) {
                    try await broker.declare(Topology(queues: [queue]))
                }
                #expect(error?.code == .preconditionFailed)
                for part in parts + [name, "Delete the queue"] {
                    #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
                }
            }
        }
    }

    @Test(arguments: TransportServer.allCases)
    func aChannelErrorFailsOnlyTheCallThatCausedIt(on server: TransportServer) async throws {
        let recorder = LogRecorder()
        try await server.withTransport(logger: recorder.logger) { broker in
            let queue = Queue(.unique("innocent"), exclusive: true)
            try await broker.declare(Topology(queues: [queue]))
            // Sent at once, so that the broker has dropped what followed each guilty call.
            await withTaskGroup { group in
                for task in 0..<30 {
                    group.addTask {
                        for number in 0..<20 {
                            let isGuilty = (task + number) % 3 == 0
                            let name = isGuilty ? "no-such-\(task)-\(number)" : queue.name
                            do throws(BrokerError) {
                                _ = try await broker.inspect(queue: name)
                                #expect(!isGuilty)
                            } catch {
                                #expect(isGuilty && error.code == .notFound, "\(error)")
                                #expect(error.message.contains("'\(name)'"), "\(error)")
                            }
                        }
                    }
                }
            }
        }
        #expect(!recorder.recorded.contains { $0.contains("lost the connection") })
    }

    @Test(arguments: TransportServer.allCases)
    func theErrorsOfTheBrokerHaveTheirCodes(on server: TransportServer) async throws {
        try await server.withTransport { broker in
            let name = String.unique("exclusive")
            try await broker.declare(Topology(queues: [Queue(name, exclusive: true)]))
            try await server.withTransport { other in
                let locked = await #expect(throws: BrokerError.self) { try await other.inspect(queue: name) }
                #expect(locked?.code == .resourceLocked)
                let refused = await #expect(throws: BrokerError.self) {
                    try await other.declare(Topology(exchanges: [Exchange("amq.mine", .topic)]))
                }
                #expect(refused?.code == .accessRefused)
                #expect(refused?.message.contains("amq.mine") == true)
                let unbound = await #expect(throws: BrokerError.self) {
                    try await other.declare(Topology(bindings: [Binding(from: "no-such", toQueue: "no-such")]))
                }
                #expect(unbound?.code == .notFound)
            }
        }
    }

    @Test(arguments: TransportServer.allCases)
    func namesThatTheProtocolCannotCarryAreRefused(on server: TransportServer) async throws {
        try await server.withTransport { broker in
            let long = String(repeating: "x", count: 256)
            for topology in [
                Topology(queues: [Queue("")]), Topology(queues: [Queue(long)]), Topology(queues: [Queue("a\0b")]),
                Topology(exchanges: [Exchange(long, .topic)]),
                Topology(queues: [Queue("q", arguments: [long: 1])]),
                Topology(bindings: [Binding(from: "e", toQueue: "q", routingKey: long)]),
            ] {
                let error = await #expect(throws: BrokerError.self) { try await broker.declare(topology) }
                #expect(error?.code == .invalidArgument)
            }
            try await broker.declare(Topology(queues: [Queue(.unique("fine"), exclusive: true)]))
        }
    }

    @Test(arguments: TransportServer.allCases)
    func aSilentBrokerIsNotWaitedForForEver(on server: TransportServer) async throws {
        try await server.withProxiedTransport({ $0.callTimeout = .seconds(1) }) { broker, proxy in
            await broker.reaches { $0 == .connected }
            proxy.filter { $0.type != 1 }
            let error = await #expect(throws: BrokerError.self) { try await broker.inspect(queue: "asked") }
            #expect(error?.code == .timedOut)
            #expect(error?.message.contains("'asked'") == true)
        }
    }

    /// The broker says nothing, and lives: without the task's end the wait would last as long as a call may.
    @Test(arguments: TransportServer.allCases)
    func aTaskThatIsCancelledWaitsForNoAnswer(on server: TransportServer) async throws {
        try await server.withProxiedTransport({ $0.callTimeout = .seconds(3600) }) { broker, proxy in
            let queue = Queue(.unique("mute"), exclusive: true)
            try await broker.declare(Topology(queues: [queue]))
            proxy.filter { $0.type != 1 }
            let begun = Latch()
            await withTaskGroup(of: BrokerError.Code?.self) { group in
                group.addTask {
                    begun.open()
                    do throws(BrokerError) {
                        try await broker.declare(Topology(queues: [queue]))
                        return nil
                    } catch {
                        return error.code
                    }
                }
                group.addTask {
                    do throws(BrokerError) {
                        _ = try await broker.consume(queue.name) { _ in }
                        return nil
                    } catch {
                        return error.code
                    }
                }
                await begun.wait()
                group.cancelAll()
                for await code in group { #expect(code == .timedOut) }
            }
            proxy.filter(nil)
            proxy.cut()
            // One that nobody waited for consumes nothing.
            try await eventually("nobody consumes", equals: 0) {
                try await broker.inspect(queue: queue.name).consumerCount
            }
            await broker.reaches { $0 == .connected }
        }
    }
}
